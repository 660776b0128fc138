"""From a project's export to a new model and the decision whether it is served: the steps of one training."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nghiquyet.documents import Document
from nghiquyet.duplicates import overlaps
from nghiquyet.errors import AnnotationError, NghiquyetError
from nghiquyet.label_studio import read_documents, read_tasks
from nghiquyet.scoring import pair, total
from nghiquyet.splits import DEV_TENTH, Part, part
from nghiquyet_annotations.raw import read_export, write_json
from nghiquyet_annotations.serving import Model
from nghiquyet_annotations.validate import validate

TRAINING = (sys.executable, "-m", "nghiquyet_training.cli")  # a process of its own: torch stays out of this one
LAST_LINES = 5  # of a failed command's output, told


class TrainingError(NghiquyetError):
    """A training command that failed or was stopped."""


@dataclass(frozen=True, slots=True)
class Data:
    """What one training learns from and is judged on, in its folder."""

    folder: Path
    export: Path
    """The project's annotations that may be trained on, its own development tenth among them."""
    dev: tuple[Document, ...]
    dev_exports: tuple[Path, ...]


def prepare(pulled_export: Path, folder: Path, dev_exports: tuple[Path, ...]) -> Data:
    """Checks the export and writes `folder`/train.json: without the development exports' documents and their likes.

    Development documents are those of `dev_exports` and the project's own development tenth, which the training
    holds out as well. AnnotationError where the export has a problem, or there is nothing to judge on.
    """
    items = read_export(pulled_export)
    if problems := validate(items).problems:
        raise AnnotationError(
            f"the project has {len(problems)} problem(s), first {problems[0]}; "
            f"see all: nghiquyet-annotate validate {pulled_export}"
        )
    held_out, pulled = read_documents(dev_exports), read_documents([pulled_export])
    own = [d for d in pulled if part(d.id) is Part.DEV and not _among(d, held_out)]
    dev = held_out + own
    if not any(document.entities for document in dev):
        raise AnnotationError(
            "no development document has a span, so no model can be judged: annotate more documents (one in ten is "
            "held out for development), or start the backend with --dev EXPORT"
        )
    alike = {each.left for each in overlaps(pulled, dev) if each.near_duplicate}
    dropped = (alike | {d.id for d in pulled if _among(d, held_out)}) - {d.id for d in own}
    tasks = read_tasks(pulled_export)
    export = folder / "train.json"
    write_json(export, [item for item, task in zip(items, tasks, strict=True) if task.doc_id not in dropped])
    return Data(folder, export, tuple(dev), dev_exports)


def _among(document: Document, others: Sequence[Document]) -> bool:
    return any(document.id == other.id or document.text == other.text for other in others)


class Commands:
    """Runs one command after another, and can be stopped from another thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def run(self, arguments: Sequence[str], log: Path) -> None:
        """Runs to the end, its output in `log`; TrainingError where it fails. It gives way to what serves."""
        gentle = ["nice", "-n", "10"] if shutil.which("nice") else []
        with log.open("wb") as output:
            with self._lock:
                if self._stopped:
                    raise TrainingError("the backend was stopped")
                self._process = subprocess.Popen([*gentle, *arguments], stdout=output, stderr=subprocess.STDOUT)
            status = self._process.wait()
        if self._stopped:
            raise TrainingError("the backend was stopped")
        if status:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LAST_LINES:]
            raise TrainingError(f"{log.stem} ended with status {status}, see {log}: " + " | ".join(lines))

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._process and self._process.poll() is None:
                self._process.terminate()


def train(commands: Commands, config: Path, data: Data) -> Path:
    """Trains by `config` on the project's annotations beside the configuration's own, and exports to int8 ONNX.

    The training refuses data in which a development document would be trained on.
    """
    run, model = data.folder / "run", data.folder / "model"
    settings: dict[str, Any] = {"output": str(run), "data.split": [str(data.export)]}
    settings |= {"data.dev_tenths": [DEV_TENTH], "data.test_tenths": []}
    if data.dev_exports:
        settings["data.test"] = [str(path) for path in data.dev_exports]
    overrides = [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
    commands.run([*TRAINING, "run", str(config), *overrides], data.folder / "train.log")
    texts = data.folder / "dev.jsonl"
    texts.write_text("".join(json.dumps({"text": d.text}) + "\n" for d in data.dev), encoding="utf-8")
    options = ["--int8", "--output", str(model), "--texts", str(texts)]
    commands.run([*TRAINING, "export", str(run / "model"), *options], data.folder / "export.log")
    return model


@dataclass(frozen=True, slots=True)
class Decision:
    """Micro F1 of exact spans on the same development documents; the new model is served where it is not worse."""

    old: str
    new: str
    old_f1: float
    new_f1: float
    documents: int
    spans: int

    @property
    def swap(self) -> bool:
        return self.new_f1 >= self.old_f1

    def record(self) -> dict[str, Any]:
        return {**asdict(self), "swap": self.swap}

    def __str__(self) -> str:
        what = f"{self.new} takes the place of {self.old}" if self.swap else f"{self.old} stays, {self.new} is worse"
        return (
            f"{what}: F1 {self.new_f1:.4f} against {self.old_f1:.4f} "
            f"on {self.spans} spans of {self.documents} development documents"
        )


def compare(old: Model, new: Model, dev: Sequence[Document]) -> Decision:
    """Predicts the development documents with both models, as they are served, and scores them."""
    f1 = {}
    for model in (old, new):
        texts = [document.text for document in dev]
        found = [
            Document(document.id, document.text, tuple(entities))
            for document, entities in zip(dev, model.predictor.stream(texts), strict=True)
        ]
        f1[model.version] = total(pair(dev, found)).f1
    spans = sum(len(document.entities) for document in dev)
    return Decision(old.version, new.version, f1[old.version], f1[new.version], len(dev), spans)
