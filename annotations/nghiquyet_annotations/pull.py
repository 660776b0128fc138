"""What annotators did, from the server into a folder.

FOLDER/raw/TIME.json      the export as the server sent it, with mail addresses: never shared, ignored by git
FOLDER/export.json        the same without addresses, with predictions in place of their ids, and with white
                          space trimmed off the spans' edges
FOLDER/documents.jsonl    every answer of every annotator, and every task without one, with its state
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nghiquyet.errors import AnnotationError, InputError
from nghiquyet.label_studio import Annotation, State, Task, entities, read_tasks
from nghiquyet_annotations.edges import trim
from nghiquyet_annotations.pseudonyms import without_addresses
from nghiquyet_annotations.raw import read_export, replacing, write_json
from nghiquyet_annotations.server import Server
from nghiquyet_annotations.validate import Report, validate

RAW = "raw"
EXPORT = "export.json"
DOCUMENTS = "documents.jsonl"


@dataclass(frozen=True, slots=True)
class Pulled:
    """The files of a pull, how many spans were trimmed, and what is wrong with the annotations."""

    raw: Path
    export: Path
    documents: Path
    trimmed: int
    report: Report


def pull(server: Server, project: int, folder: Path) -> Pulled:
    """Exports the project into `folder`. Every file is replaced whole or not at all, the raw ones never."""
    raw = _raw_folder(folder) / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S.%fZ}.json"
    download(server, project, raw)
    whole = _with_predictions(read_export(raw), server.tasks(project))
    items, trimmed = trim(without_addresses(whole, accounts(server)))
    write_json(folder / EXPORT, items)
    _write_documents(folder / DOCUMENTS, read_tasks(folder / EXPORT))
    return Pulled(raw, folder / EXPORT, folder / DOCUMENTS, trimmed, validate(items))


def _with_predictions(items: list[Any], tasks: Iterable[dict[str, Any]]) -> list[Any]:
    """Without them nobody could say what annotators did with what was predicted."""
    found = {task["id"]: task.get("predictions") or [] for task in tasks}
    return [{**item, "predictions": found.get(item["id"], [])} for item in items]


def download(server: Server, project: int, path: Path) -> None:
    """Saves the export of all tasks byte for byte; a broken or cut off answer leaves no file."""
    with replacing(path) as file:
        server.read(lambda api: _save(api, project, file))
        file.flush()
        _check_whole(Path(file.name), server)


def _save(api: Any, project: int, file: Any) -> None:
    file.seek(0)  # a second attempt begins anew
    file.truncate()
    for chunk in api.projects.exports.download_sync(project, export_type="JSON", download_all_tasks=True):
        file.write(chunk)


def _check_whole(path: Path, server: Server) -> None:
    try:
        read_export(path)
    except InputError as error:
        raise InputError(f"the export from {server.settings.url} is cut off or no JSON; pull again") from error


def accounts(server: Server) -> dict[str, int]:
    """The number of each account by its mail address."""
    return {user.email: user.id for user in server.read(lambda api: api.users.list())}


def _raw_folder(folder: Path) -> Path:
    """`folder/raw`, for the owner alone, and out of git's sight."""
    raw = folder / RAW
    try:
        folder.mkdir(parents=True, exist_ok=True)
        raw.mkdir(mode=0o700, exist_ok=True)
        (raw / ".gitignore").write_text("# The annotators' mail addresses are in these files.\n*\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot make the folder {raw}: {error.strerror}") from error
    return raw


def _write_documents(path: Path, tasks: list[Task]) -> None:
    with replacing(path) as file:
        for task in tasks:
            for line in _lines(task):
                file.write(f"{json.dumps(line, ensure_ascii=False)}\n".encode())


def _lines(task: Task) -> Iterator[dict[str, Any]]:
    """A line for each annotator's answer that can be read (`validate` reports the others), or one without an answer."""
    document = {"id": task.doc_id, "task": task.id}
    if not task.annotations:
        yield {**document, "state": State.UNLABELLED, "annotator": None, "text": task.text, "entities": []}
    for annotation in task.annotations:
        try:
            spans = _spans(task, annotation)
        except AnnotationError:
            continue
        who = {"annotator": annotation.annotator, "ground_truth": annotation.ground_truth}
        yield {**document, "state": annotation.state, **who, "text": task.text, "entities": spans}


def _spans(task: Task, annotation: Annotation) -> list[dict[str, Any]]:
    """The entities with their origin: `manual`, `prediction`, or `prediction-changed`."""
    if annotation.skipped:
        return []
    origins = {
        (r["value"]["start"], r["value"]["end"]): r.get("origin")
        for r in annotation.result
        if r.get("type") == "labels"
    }
    return [
        {"start": e.start, "end": e.end, "label": e.label, "text": e.text, "origin": origins[e.start, e.end]}
        for e in entities(task, annotation)
    ]
