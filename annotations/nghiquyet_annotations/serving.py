"""The model that the backend serves, and its answer to one task."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nghiquyet.errors import InputError, NghiquyetError
from nghiquyet.predictor import Predictor
from nghiquyet_annotations.preannotate import BLIND
from nghiquyet_annotations.predictions import Prediction, model_version, predict, to_label_studio

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model, and the version that its predictions are filed under."""

    predictor: Predictor
    version: str

    @classmethod
    def load(cls, path_or_id: str | Path) -> Self:
        """Loads as `Predictor.load` does, with its errors."""
        predictor = Predictor.load(path_or_id)
        assert predictor.artefact is not None  # `load` always sets it
        return cls(predictor, model_version(predictor.artefact))


@dataclass(slots=True)
class Served:
    """What is served now: no model until one is loaded. It is swapped whole: a request keeps what it began with."""

    model: Model | None = None
    failure: NghiquyetError | None = None

    def load(self, path_or_id: str | Path) -> None:
        """Loads the first model; a failure is kept, to be told."""
        try:
            self.model = Model.load(path_or_id)
            log.info("%s is ready", self.model.version)
        except NghiquyetError as error:
            self.failure = error


def answer(model: Model, task: Any, max_characters: int) -> dict[str, Any] | list[Any]:
    """The prediction for one task, from its text alone: what is annotated already is never read.

    A task without a usable text gets an empty result of score 0 with a `warning`, so that the others get theirs. A
    task that is to stay blind (`preannotate --blind-share`) gets an empty list, which Label Studio takes for none.
    """
    task = task if isinstance(task, dict) else {}
    if _part(task, "meta").get(BLIND):
        return []
    try:
        text = _checked(_part(task, "data").get("text"), max_characters)
        return to_label_studio(predict(model.predictor, text), model.version)
    except InputError as error:
        log.warning("task %r gets no prediction: %s", task.get("id"), error)
        return {**to_label_studio(Prediction((), 0.0), model.version), "warning": str(error)}


def _part(task: dict[str, Any], name: str) -> dict[str, Any]:
    part = task.get(name)
    return part if isinstance(part, dict) else {}


def _checked(text: Any, max_characters: int) -> str:
    if not isinstance(text, str):
        raise InputError(f"data.text is {type(text).__name__}, needed a string")
    if len(text) > max_characters:
        raise InputError(
            f"its text has {len(text)} characters, at most {max_characters} are read in one request: start the "
            "backend with a higher --max-characters, or use nghiquyet-annotate preannotate"
        )
    return text
