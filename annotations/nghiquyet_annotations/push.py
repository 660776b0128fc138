"""Articles into a project: one task a document, none twice, nothing of the text changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nghiquyet.errors import InputError
from nghiquyet.label_studio import text_hash
from nghiquyet.sources import Source
from nghiquyet_annotations.deliver import deliver
from nghiquyet_annotations.server import Server

BATCH = 50  # tasks a request


@dataclass(frozen=True, slots=True)
class Plan:
    """What a push would do: tasks to send, and the sources whose text is in the project, or stood before."""

    new: tuple[dict[str, Any], ...]
    present: tuple[Source, ...]
    repeated: tuple[Source, ...]


def present_ids(server: Server, project: int) -> set[str]:
    """The ids of the project's documents, worked out from their texts: what `data.doc_id` says may be wrong."""
    return {text_hash(str(task["data"].get("text"))) for task in server.tasks(project)}


def plan(sources: Iterable[Source], present: set[str]) -> Plan:
    """Sorts the sources by what has to be done with them."""
    new: dict[str, dict[str, Any]] = {}
    there, repeated = [], []
    for source in sources:
        doc_id = text_hash(source.text)
        if doc_id in present:
            there.append(source)
        elif doc_id in new:
            repeated.append(source)
        else:
            new[doc_id] = to_task(source)
    return Plan(tuple(new.values()), tuple(there), tuple(repeated))


def check(source: Source) -> None:
    """InputError on a text that no server can keep as it is, or that holds nothing to annotate."""
    if not source.text.strip():
        raise InputError(f"{source.id}: the text is empty; there is nothing to annotate")
    if "\0" in source.text or any("\ud800" <= character <= "\udfff" for character in source.text):
        raise InputError(
            f"{source.id}: the text holds a NUL or half a surrogate pair, which databases cannot keep; clean it first"
        )


def to_task(source: Source) -> dict[str, Any]:
    """The task of a text: `doc_id` is the hash of the exact text, `name` is for people."""
    return {"data": {"text": source.text, "doc_id": text_hash(source.text), "name": source.id}}


def push(
    server: Server, project: int, tasks: Sequence[dict[str, Any]], advance: Callable[[int], None] = lambda n: None
) -> None:
    """Sends `tasks`, none of which the project has yet; `advance` is told how many more are there.

    After a ServerError a new plan and push go on where this one ended, with nothing twice.
    """

    def missing(some: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        present = present_ids(server, project)
        return [task for task in some if text_hash(task["data"]["text"]) not in present]

    def send(some: Sequence[dict[str, Any]]) -> None:
        server.write(lambda api: api.projects.import_tasks(project, request=some))  # type: ignore[arg-type]

    deliver(tasks, send, missing, batch=BATCH, advance=advance)
