"""Two annotations of the same documents become one: what agrees is taken over, a third person decides the rest.

The rest goes to a project of its own, where both sides stand as predictions. What comes back says of each span who
had it: `both` sides, one side by its name, or the `adjudicator` alone.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nghiquyet.documents import Document
from nghiquyet.errors import AnnotationError
from nghiquyet.label_studio import State, Task, read_documents, read_tasks
from nghiquyet.scoring import pair
from nghiquyet_annotations.agreement import by_annotator
from nghiquyet_annotations.marked import regions
from nghiquyet_annotations.raw import read_export

BOTH, ADJUDICATOR = "both", "adjudicator"
PROVENANCE = "provenance"  # key of a region


@dataclass(frozen=True, slots=True)
class Sides:
    """The documents that both sides have, in one order, and the data of their tasks by document id."""

    names: tuple[str, str]
    pairs: tuple[tuple[Document, Document], ...]
    data: Mapping[str, dict[str, Any]]
    left_out: tuple[str, ...]

    @property
    def agreed(self) -> list[Document]:
        return [a for a, b in self.pairs if a.keys == b.keys]

    @property
    def disputed(self) -> list[tuple[Document, Document]]:
        return [(a, b) for a, b in self.pairs if a.keys != b.keys]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The adjudicated export so far, the documents that are still open, and those that the adjudicator skipped."""

    items: list[dict[str, Any]]
    open: tuple[str, ...]
    skipped: tuple[str, ...]


def read_sides(first: Path, second: Path | None) -> Sides:
    """Two exports, or the two annotators of one; AnnotationError where they have no document in common."""
    if second is None:
        found = by_annotator(first)
        if len(found) != 2:
            raise AnnotationError(f"{first} has {len(found)} annotator(s); needed two, or give a second export")
        (a, left), (b, right) = sorted(found.items())
        names = (f"annotator {a}", f"annotator {b}")
    else:
        left, right = read_documents([first]), read_documents([second])
        same = first.stem == second.stem
        names = (str(first), str(second)) if same else (first.stem, second.stem)
    common = {d.id for d in left} & {d.id for d in right}
    if not common:
        raise AnnotationError(f"{names[0]} and {names[1]} have no document in common; compare their data.doc_id")
    pairs = pair([d for d in left if d.id in common], [d for d in right if d.id in common])
    data = {task.doc_id: item["data"] for task, item in zip(read_tasks(first), read_export(first), strict=True)}
    left_out = tuple(sorted(({d.id for d in left} | {d.id for d in right}) - common))
    return Sides(names, tuple(pairs), {name: data[name] for name in common}, left_out)


def check_texts(sides: Sides, tasks: Sequence[dict[str, Any]]) -> None:
    """AnnotationError where the project holds documents of another adjudication."""
    foreign = [task["id"] for task in tasks if task["data"].get("doc_id") not in sides.data]
    if foreign:
        raise AnnotationError(f"the project holds other tasks too ({len(foreign)}); give a title of its own")


def missing_tasks(sides: Sides, tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A task, with both sides as predictions, for each disputed document that the adjudicator's project lacks."""
    there = {task["data"].get("doc_id") for task in tasks}
    return [
        {
            "data": {**sides.data[a.id], "text": a.text, "doc_id": a.id},
            "predictions": [
                {"model_version": name, "result": regions(side.entities)}
                for name, side in zip(sides.names, (a, b), strict=True)
            ],
        }
        for a, b in sides.disputed
        if a.id not in there
    ]


def decide(sides: Sides, export: Path | None) -> Outcome:
    """Joins what agrees with what the adjudicator decided, as in the `export` of their project (None: nothing yet).

    AnnotationError where two adjudicators answered the same task.
    """
    tasks, raw = _by_document(export) if export else ({}, {})
    decided = {document.id for document in read_documents([export])} if export else set()
    disputed = {a.id: (a, b) for a, b in sides.disputed}
    items = [_agreed_item(sides, document) for document in sides.agreed]
    items += [_decided_item(raw[name], sides.names, both) for name, both in disputed.items() if name in decided]
    skipped = tuple(name for name in disputed if name in tasks and tasks[name].state is State.SKIPPED)
    still_open = tuple(name for name in disputed if name not in decided and name not in skipped)
    return Outcome(items, still_open, skipped)


def _by_document(export: Path) -> tuple[dict[str, Task], dict[str, dict[str, Any]]]:
    """The tasks of an export, and their items as they stand there, by document."""
    tasks: dict[str, Task] = {}
    raw: dict[str, dict[str, Any]] = {}
    for task, item in zip(read_tasks(export), read_export(export), strict=True):
        if task.doc_id in tasks:
            raise AnnotationError(
                f"the adjudicator's project has document {task.doc_id} twice: {tasks[task.doc_id].name} and "
                f"{task.name}; delete the one that is not answered"
            )
        tasks[task.doc_id], raw[task.doc_id] = task, item
    return tasks, raw


def _agreed_item(sides: Sides, document: Document) -> dict[str, Any]:
    """A task of an export whose one annotation is what both sides have."""
    result = [region | {PROVENANCE: BOTH} for region in regions(document.entities)]
    annotation = {"completed_by": BOTH, "was_cancelled": False, "ground_truth": True, "result": result}
    return {"data": dict(sides.data[document.id]), "annotations": [annotation]}


def _decided_item(item: dict[str, Any], names: Sequence[str], both: Sequence[Document]) -> dict[str, Any]:
    """The adjudicator's task as it was exported, each span with its provenance."""
    item = copy.deepcopy(item)
    for annotation in item["annotations"]:
        for region in annotation["result"]:
            if region.get("type") == "labels":
                value = region["value"]
                key = value["start"], value["end"], value["labels"][0]
                region[PROVENANCE] = provenance(key, dict(zip(names, both, strict=True)))
    return item


def provenance(key: tuple[int, int, str], sides: Mapping[str, Document]) -> str:
    """Who had the span before the adjudicator."""
    having = [name for name, document in sides.items() if key in document.keys]
    return BOTH if len(having) == 2 else having[0] if having else ADJUDICATOR
