"""A model's predictions for the tasks that nobody has answered yet; some tasks stay blind, to measure anchoring."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nghiquyet.batched import batched
from nghiquyet.label_studio import text_hash
from nghiquyet.predictor import Predictor
from nghiquyet_annotations.deliver import deliver
from nghiquyet_annotations.predictions import predict, to_label_studio
from nghiquyet_annotations.server import Server, is_begun

BATCH = 20  # predictions a request
BLIND = "blind"  # key of a task's `meta`: it never gets a prediction


@dataclass(frozen=True, slots=True)
class Open:
    """A task to predict: its id on the server and its text."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What pre-annotation would do with a project's tasks. `blind_new` are to be marked so; the rest are counts."""

    open: tuple[Open, ...]
    blind_new: tuple[dict[str, Any], ...]
    blind: int
    answered: int
    done: int


def is_drawn(doc_id: str, share: float) -> bool:
    """Whether a document falls into the share that stays blind; by its id alone, so always the same."""
    return int(hashlib.sha256(f"{BLIND} {doc_id}".encode()).hexdigest()[:8], 16) < share * 2**32


def plan(tasks: Iterable[dict[str, Any]], version: str, blind_share: float) -> Plan:
    """Sorts a project's tasks: answered by people, blind, with this version's prediction already, and open."""
    found: list[Open] = []
    blind_new = []
    blind = answered = done = 0
    for task in tasks:
        text = str(task["data"].get("text"))
        if is_begun(task):
            answered += 1
        elif (task.get("meta") or {}).get(BLIND):
            blind += 1
        elif has_prediction(task, version):
            done += 1
        elif not task.get("predictions") and is_drawn(text_hash(text), blind_share):
            blind_new.append(task)
        else:
            found.append(Open(task["id"], text))
    return Plan(tuple(found), tuple(blind_new), blind + len(blind_new), answered, done)


def has_prediction(task: dict[str, Any], version: str) -> bool:
    """Whether a task has a prediction of that model version."""
    return any(prediction.get("model_version") == version for prediction in task.get("predictions") or ())


def preannotate(
    server: Server,
    project: int,
    predictor: Predictor,
    version: str,
    planned: Plan,
    advance: Callable[[int], None] = lambda n: None,
) -> None:
    """Marks the blind tasks, sends a prediction for each open one, and has the project show this version's.

    After a ServerError a new plan goes on where this one ended, with nothing twice.
    """
    for task in planned.blind_new:
        meta = {**(task.get("meta") or {}), BLIND: True}
        server.write(lambda api, task=task, meta=meta: api.tasks.update(str(task["id"]), meta=meta))  # type: ignore[misc]

    def send(some: Sequence[dict[str, Any]]) -> None:
        server.write(lambda api: api.projects.import_predictions(project, request=some))  # type: ignore[arg-type]

    def missing(some: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        there = {task["id"] for task in server.tasks(project) if has_prediction(task, version)}
        return [prediction for prediction in some if prediction["task"] not in there]

    for some in batched(planned.open, BATCH):
        made = [{"task": task.id, **to_label_studio(predict(predictor, task.text), version)} for task in some]
        deliver(made, send, missing, batch=BATCH, advance=advance)
    if planned.open or planned.done:
        server.write(lambda api: api.projects.update(project, model_version=version, show_collab_predictions=True))
