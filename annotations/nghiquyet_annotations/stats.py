"""Counts over exports: by state, label and document, and the surface forms seen most often."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from nghiquyet.documents import Entity
from nghiquyet.label_studio import State, Task, entities


@dataclass(frozen=True)
class Stats:
    """`documents` counts labels for each document id, `forms` surface forms for each label.

    Of a task with a ground truth that alone is counted, else every annotation that was not skipped.
    """

    states: Counter[State] = field(default_factory=Counter)
    several: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    documents: dict[str, Counter[str]] = field(default_factory=dict)
    forms: dict[str, Counter[str]] = field(default_factory=dict)
    annotators: dict[str, Counter[State]] = field(default_factory=dict)
    """The answers of each annotator by state."""


def spans(task: Task) -> list[Entity]:
    """The entities of the ground truth, or of every annotator where there is none."""
    counted = [annotation for annotation in task.kept if annotation.ground_truth] or task.kept
    return [entity for annotation in counted for entity in entities(task, annotation)]


def stats(tasks: Iterable[Task]) -> Stats:
    """The counts of all tasks together; AnnotationError on a span that is not valid."""
    tasks = list(tasks)
    documents: dict[str, Counter[str]] = {}
    forms: dict[str, Counter[str]] = {}
    annotators: dict[str, Counter[State]] = {}
    for task in tasks:
        for annotation in task.annotations:
            annotators.setdefault(annotation.annotator, Counter())[annotation.state] += 1
        counts = documents.setdefault(task.doc_id, Counter())
        for entity in spans(task):
            counts[entity.label] += 1
            forms.setdefault(entity.label, Counter())[" ".join(entity.text.split())] += 1
    return Stats(
        states=Counter(task.state for task in tasks),
        several=sum(len(task.kept) > 1 for task in tasks),
        labels=sum(documents.values(), Counter[str]()),
        documents=documents,
        forms=forms,
        annotators=annotators,
    )
