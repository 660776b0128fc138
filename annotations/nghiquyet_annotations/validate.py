"""Checks of an export that the Label Studio server does not make. All problems are collected; none stops the search."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from nghiquyet.errors import InputError
from nghiquyet.label_studio import Annotation, State, Task, text_hash
from nghiquyet.labels import LABELS, LabelSet
from nghiquyet_annotations.edges import edge_quotation_mark, is_inside, offsets, visible
from nghiquyet_annotations.raw import read_json

CONTEXT = 20  # characters shown on either side of a span


class Kind(StrEnum):
    """What is wrong."""

    STRUCTURE = "structure"
    OFFSETS = "offsets"
    RANGE = "range"
    LABEL = "label"
    OVERLAP = "overlap"
    WHITE_SPACE = "edge white space"
    QUOTATION = "edge quotation mark"
    TEXT = "text"
    DUPLICATE = "duplicate"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it is, what it is, and the text around it, `…before [span] after…`."""

    kind: Kind
    document: str
    message: str
    span: tuple[Any, Any] | None = None
    context: str = ""

    def __str__(self) -> str:
        where = f"{self.document} [{_short(self.span[0])}, {_short(self.span[1])})" if self.span else self.document
        return f"{where}: {self.kind}: {self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a validation. `several` counts the tasks that more than one annotator answered."""

    problems: tuple[Problem, ...]
    states: Counter[State]
    several: int


def validate(items: Iterable[Any], labels: LabelSet = LABELS, articles: Mapping[str, str] | None = None) -> Report:
    """Checks the items of one export; `articles` (see `read_articles`) adds the check of the texts.

    Skipped annotations are counted but not checked: nobody reads their spans.
    """
    problems: list[Problem] = []
    tasks: list[Task] = []
    for i, item in enumerate(items):
        found = list(_structure(item, f"item {i}"))
        problems += found
        if not found:
            tasks.append(_task(item))
    for task in tasks:
        problems += _spans(task, labels)
    problems += _duplicates(tasks)
    if articles is not None:
        problems += (problem for task in tasks for problem in _changes(task, articles))
    several = sum(len(task.kept) > 1 for task in tasks)
    return Report(tuple(problems), Counter(task.state for task in tasks), several)


def _structure(item: Any, where: str) -> Iterator[Problem]:
    """What keeps an item from being read as a task at all."""
    if not isinstance(item, dict) or not isinstance(item.get("data"), dict):
        yield Problem(Kind.STRUCTURE, where, "needed a task with 'data'; export as 'JSON', not 'JSON-MIN'")
        return
    if not isinstance(item.get("id"), int | None):
        yield Problem(Kind.STRUCTURE, where, f"id is {_short(item['id'])}; needed a whole number")
    if not isinstance(item["data"].get("text"), str):
        yield Problem(Kind.STRUCTURE, where, f"data.text is {_short(item['data'].get('text'))}; needed a string")
    annotations = _annotations(item)
    if not isinstance(annotations, list):
        yield Problem(Kind.STRUCTURE, where, f"'annotations' is {type(annotations).__name__}; needed a list")
        return
    for number, annotation in enumerate(annotations):
        if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
            yield Problem(Kind.STRUCTURE, f"{where}, annotation {number}", "needed an object with a list 'result'")


def _annotations(item: dict[str, Any]) -> Any:
    return item.get("annotations", item.get("completions", []))


def _task(item: dict[str, Any]) -> Task:
    data = item["data"]
    annotations = tuple(
        Annotation(
            raw.get("id"), str(raw.get("completed_by")), bool(raw.get("was_cancelled")), False, tuple(raw["result"])
        )
        for raw in _annotations(item)
    )
    return Task(item.get("id"), str(data.get("doc_id") or text_hash(data["text"])), data["text"], annotations)


def _spans(task: Task, labels: LabelSet) -> Iterator[Problem]:
    for annotation in task.kept:
        where = task.name if len(task.annotations) == 1 else f"{task.name}, annotation {annotation.id}"
        spans = []
        for region in annotation.result:
            value = region.get("value") if isinstance(region, dict) and region.get("type") == "labels" else None
            if not isinstance(value, dict):
                yield Problem(
                    Kind.STRUCTURE, where, f"region {_short(region)}; needed one of type 'labels' with a 'value'"
                )
                continue
            yield from _value(task.text, value, where, labels)
            span = offsets(value)
            if span and is_inside(task.text, *span):
                spans.append(span)
        yield from _overlaps(task.text, spans, where)


def _value(text: str, value: dict[str, Any], where: str, labels: LabelSet) -> Iterator[Problem]:
    """The problems of one span by itself."""
    span, names = offsets(value), value.get("labels")
    said = value.get("start"), value.get("end")
    context = around(text, *span) if span else ""

    def problem(kind: Kind, message: str) -> Problem:
        return Problem(kind, where, message, said, context)

    if not isinstance(names, list) or len(names) != 1 or names[0] not in labels.names:
        yield problem(Kind.LABEL, f"labelled {_short(names)}; needed exactly one of {', '.join(labels.names)}")
    if span is None:
        yield problem(Kind.OFFSETS, "start and end are not both whole numbers; delete the span and mark it again")
    elif span[0] >= span[1]:
        yield problem(Kind.RANGE, "start is not before end; delete the span and mark it again")
    elif not is_inside(text, *span):
        yield problem(
            Kind.RANGE, f"does not lie in a text of {len(text)} characters; delete the span and mark it again"
        )
    else:
        yield from (problem(*found) for found in _surface(text, *span, value))


def _surface(text: str, start: int, end: int, value: dict[str, Any]) -> Iterator[tuple[Kind, str]]:
    """The problems of a span's own characters: its edges, and whether `value.text` says the same."""
    surface = text[start:end]
    first, last = visible(text, start, end)
    if (first, last) != (start, end):
        mend = f"--fix trims it to [{first}, {last})" if first < last else "nothing visible is in it; delete the span"
        yield Kind.WHITE_SPACE, f"{show(surface)} begins or ends with white space; {mend}"
    quote = edge_quotation_mark(text[first:last])
    if quote:
        yield Kind.QUOTATION, f"{show(surface)} begins or ends with {quote}; leave the quotation mark outside"
    said = value.get("text", surface)
    if not isinstance(said, str) or _plain(said) != _plain(surface):
        yield Kind.TEXT, f"its 'text' is {_short(said)}, but the article has {show(surface)} there; mark it again"


def _plain(text: str) -> str:
    """The text as Label Studio's page may give it back: line ends as backslash-n, runs of white space as one."""
    return " ".join(text.replace("\\n", " ").split())


def _overlaps(text: str, spans: list[tuple[int, int]], where: str) -> Iterator[Problem]:
    furthest: tuple[int, int] | None = None
    for span in sorted(spans):
        if furthest and span[0] < furthest[1]:
            message = (
                f"{show(text[slice(*span)])} overlaps {show(text[slice(*furthest)])} at {list(furthest)}; keep one"
            )
            yield Problem(Kind.OVERLAP, where, message, span, around(text, *span))
        if not furthest or span[1] > furthest[1]:
            furthest = span


def _duplicates(tasks: list[Task]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for task in tasks:
        keys = {"task id": task.id, "document id": task.doc_id, "text": text_hash(task.text)}
        twice = {what: key for what, key in keys.items() if key is not None and f"{what} {key}" in seen}
        if twice:
            other = seen[f"{next(iter(twice))} {next(iter(twice.values()))}"]
            yield Problem(Kind.DUPLICATE, task.name, f"has the same {' and '.join(twice)} as {other}; keep one")
        for what, key in keys.items():
            seen.setdefault(f"{what} {key}", task.name)


def read_articles(path: Path) -> dict[str, str]:
    """The SHA-256 of each article by its document id, from a folder of .txt files or a manifest."""
    if path.is_dir():
        texts = [file.read_bytes() for file in sorted(path.glob("*.txt"))]
        if not texts:
            raise InputError(f"{path} holds no .txt file; give the folder of the articles or their manifest.json")
        return {_sha256(text)[:16]: _sha256(text) for text in texts}
    try:
        return {str(article["doc_id"]): str(article["sha256"]) for article in read_json(path)["articles"].values()}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no manifest: needed 'articles' with 'doc_id' and 'sha256' each") from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _changes(task: Task, articles: Mapping[str, str]) -> Iterator[Problem]:
    found = _sha256(task.text.encode("utf-8", "surrogatepass"))
    wanted = articles.get(task.doc_id)
    if wanted is None:
        yield Problem(Kind.CHANGED, task.name, f"no article has this document id; there are {', '.join(articles)}")
    elif found != wanted:
        message = f"the text has SHA-256 {found[:16]}…, its article {wanted[:16]}…; import the article again, unchanged"
        yield Problem(Kind.CHANGED, task.name, message)


def around(text: str, start: int, end: int) -> str:
    """The span in brackets within its context, on one line; offsets beyond the text are moved to its edge."""
    start, end = sorted(min(max(offset, 0), len(text)) for offset in (start, end))
    before, after = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    return f"{'…' * (start > CONTEXT)}{_printable(before)}[{_printable(text[start:end])}]{_printable(after)}" + (
        "…" if end + CONTEXT < len(text) else ""
    )


def show(text: str) -> str:
    """The text in quotation marks, with line ends and invisible characters written out."""
    return f"'{_printable(text)}'"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _short(value: Any) -> str:
    """A value of any kind, at most some 80 characters of it."""
    written = _printable(repr(value))
    return written if len(written) <= 80 else written[:79] + "…"
