"""Reads Label Studio's JSON export into tasks and Documents. Offsets there are code points, half-open, as ours.

Four states of a task differ and matter: not labelled yet, reviewed and empty, skipped, labelled.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from nghiquyet.documents import Document, Entity
from nghiquyet.errors import AnnotationError, InputError
from nghiquyet.labels import LABELS, LabelSet


class State(StrEnum):
    """What has been done with a task."""

    UNLABELLED = "unlabelled"
    EMPTY = "reviewed and empty"
    SKIPPED = "skipped"
    LABELLED = "labelled"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotator's answer to a task; `result` holds Label Studio's regions as they came."""

    id: int | None
    annotator: str
    skipped: bool
    ground_truth: bool
    result: tuple[dict[str, Any], ...]

    @property
    def state(self) -> State:
        if self.skipped:
            return State.SKIPPED
        return State.LABELLED if self.result else State.EMPTY


@dataclass(frozen=True, slots=True)
class Task:
    """One document of an export with all its annotations."""

    id: int | None
    doc_id: str
    text: str
    annotations: tuple[Annotation, ...]

    @property
    def kept(self) -> tuple[Annotation, ...]:
        """The annotations that were not skipped."""
        return tuple(a for a in self.annotations if not a.skipped)

    @property
    def state(self) -> State:
        there = {annotation.state for annotation in self.annotations}
        order = (State.LABELLED, State.EMPTY, State.SKIPPED)
        return next((state for state in order if state in there), State.UNLABELLED)

    @property
    def name(self) -> str:
        return f"task {self.id} (document {self.doc_id})"


def text_hash(text: str) -> str:
    """The id of a text: the first 16 hexadecimal digits of its UTF-8 SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_tasks(path: Path) -> list[Task]:
    """The tasks of a Label Studio JSON export; raises InputError where the file is not one."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the export {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, nested or numbered beyond reason
        raise InputError(
            f"{path} is not JSON ({error}); export from Label Studio as 'JSON', not CONLL or CSV"
        ) from error
    if not isinstance(raw, list):
        raise InputError(f"{path}: needed a list of tasks, got {type(raw).__name__}; export as 'JSON'")
    return [parse_task(item, f"{path}, item {i}") for i, item in enumerate(raw)]


def parse_task(raw: Any, where: str) -> Task:
    """A task of an export or of the API; InputError, which begins with `where`, on what is none."""
    if not isinstance(raw, dict) or not isinstance(raw.get("data"), dict):
        raise InputError(f"{where}: needed a task with 'data'; 'JSON-MIN' exports lack it, export as 'JSON'")
    text = raw["data"].get("text")
    if not isinstance(text, str):
        raise InputError(f"{where}: data.text is {type(text).__name__}, needed a string")
    annotations = raw.get("annotations", raw.get("completions", []))
    if not isinstance(annotations, list) or not all(isinstance(a, dict) for a in annotations):
        raise InputError(f"{where}: 'annotations' is not a list of objects")
    if not all(is_result(a.get("result") or []) for a in annotations):
        raise InputError(f"{where}: a 'result' is not a list of regions; see: nghiquyet-annotate validate EXPORT")
    given = raw["data"].get("doc_id")
    doc_id = text_hash(text) if given in (None, "") else str(given)
    return Task(raw.get("id"), doc_id, text, tuple(_annotation(a) for a in annotations))


def is_result(result: Any) -> bool:
    """Whether a JSON value has the shape of an annotation's `result`: a list of regions."""
    return isinstance(result, list) and all(
        isinstance(region, dict) and isinstance(region.get("value") or {}, dict) for region in result
    )


def _annotation(raw: dict[str, Any]) -> Annotation:
    by = raw.get("completed_by")
    annotator = by.get("id", by.get("email")) if isinstance(by, dict) else by  # no address where a number is known
    return Annotation(
        raw.get("id"),
        str(annotator),
        bool(raw.get("was_cancelled")),
        bool(raw.get("ground_truth")),
        tuple(raw.get("result") or ()),
    )


def entities(task: Task, annotation: Annotation, labels: LabelSet = LABELS) -> tuple[Entity, ...]:
    """The sorted entities of one annotation, sliced from the task's own text; AnnotationError on a bad span."""
    found = sorted(_entity(task, region, labels) for region in annotation.result if _is_span(task, region))
    for left, right in pairwise(found):
        if right.start < left.end:
            raise AnnotationError(
                f"{task.name}: {left.text!r} at {left.start} and {right.text!r} at {right.start} overlap"
            )
    return tuple(found)


def _is_span(task: Task, region: dict[str, Any]) -> bool:
    """Whether a region is a labelled span of text; AnnotationError where it is one of another kind of page."""
    kind = str(region.get("type"))
    if kind != "labels" and kind.endswith("labels"):
        raise AnnotationError(
            f"{task.name}: a region is of type {kind!r}; needed 'labels', as <Labels> over a <Text> makes them: "
            "see nghiquyet-annotate config"
        )
    return kind == "labels"


def _entity(task: Task, region: dict[str, Any], labels: LabelSet) -> Entity:
    value = region.get("value") or {}
    start, end, names = value.get("start"), value.get("end"), value.get("labels")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(task.text):
        raise AnnotationError(f"{task.name}: span [{start}, {end}) does not lie in its {len(task.text)} characters")
    if not isinstance(names, list) or len(names) != 1 or names[0] not in labels:
        raise AnnotationError(
            f"{task.name}: {task.text[start:end]!r} at {start} is labelled {names}; "
            f"needed one of {', '.join(labels.names)}"
        )
    return Entity.of(task.text, start, end, names[0])


def document(task: Task, labels: LabelSet = LABELS) -> Document:
    """The task as gold: its ground truth, or its only annotation that was not skipped."""
    truths = [a for a in task.kept if a.ground_truth] or list(task.kept)
    if len(truths) != 1:
        raise AnnotationError(
            f"{task.name} has {len(truths)} annotations that could be the gold; needed one: "
            "adjudicate, or mark one as ground truth"
        )
    return Document(task.doc_id, task.text, entities(task, truths[0], labels))


def read_documents(paths: Iterable[Path], labels: LabelSet = LABELS) -> list[Document]:
    """The gold documents of exports: labelled, or reviewed and empty. Unlabelled and skipped tasks are no gold.

    A document that stands twice is an AnnotationError.
    """
    documents: dict[str, Document] = {}
    for path in paths:
        for task in read_tasks(path):
            if task.state in (State.UNLABELLED, State.SKIPPED):
                continue
            if task.doc_id in documents:
                raise AnnotationError(f"{path}: {task.name} was read before; give each document once")
            documents[task.doc_id] = document(task, labels)
    return list(documents.values())
