"""Texts and spans come out as they went in: by every step offline, and by the whole way through a real server."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nghiquyet.documents import Document, Entity
from nghiquyet.label_studio import entities, parse_task, read_documents, text_hash
from nghiquyet.labels import LABELS
from nghiquyet.sources import Source
from nghiquyet_annotations.edges import is_blank, trim
from nghiquyet_annotations.marked import regions
from nghiquyet_annotations.project import Project
from nghiquyet_annotations.pseudonyms import without_addresses
from nghiquyet_annotations.pull import pull
from nghiquyet_annotations.push import plan, present_ids, push, to_task
from nghiquyet_annotations.raw import read_export, write_json
from nghiquyet_annotations.server import Server
from nghiquyet_annotations.settings import Settings
from tests.annotations.answers import HARD_TEXTS, answer, tasks_by_id

WORDS = ["Huyện ủy", "Thanh Oai", "7/9", "e\u0323\u0302", "👩🏽\u200d🚀", "🇻🇳", "<b>", "&amp;", "\\n", "ai@example.org"]
BLANKS = [" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u200b", "\u2028", '"', "'"]
PIECES = st.sampled_from([*WORDS, *BLANKS])
TEXTS = st.lists(PIECES | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A text and spans in it without overlap, each with a visible character at both edges."""
    text = draw(TEXTS)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    spans = [
        (a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if not (is_blank(text[a]) or is_blank(text[b - 1]))
    ]
    found = tuple(Entity.of(text, a, b, draw(st.sampled_from(LABELS.names))) for a, b in spans)
    return Document(text_hash(text), text, found)


def _exported(document: Document) -> dict[str, Any]:
    annotation = {"id": 1, "completed_by": 1, "result": regions(document.entities)}
    return {"id": 1, **to_task(Source("x", document.text)), "annotations": [annotation]}


@given(documents())
def test_regions_and_tasks_say_the_same_as_the_document(document: Document) -> None:
    task = parse_task(json.loads(json.dumps(_exported(document))), "x")
    assert (task.doc_id, task.text) == (document.id, document.text)
    assert entities(task, task.annotations[0]) == document.entities


@given(documents())
def test_cleaning_and_writing_change_nothing(tmp_path_factory: pytest.TempPathFactory, document: Document) -> None:
    path = tmp_path_factory.mktemp("export") / "export.json"
    items, moved = trim([without_addresses(_exported(document), {"ai@example.org": 1})])
    write_json(path, items)
    assert moved == 0
    assert read_export(path) == [_exported(document)]
    assert read_documents([path]) == [document]


@given(documents(), st.sampled_from([" ", "\n", "\r\n", "\t", "\u00a0", "\u200b", " \u200b\n"]))
def test_blank_edges_are_trimmed_and_the_origin_is_kept(document: Document, blank: str) -> None:
    text = blank + blank.join(e.text for e in document.entities) + blank
    item = to_task(Source("x", text))
    result, at = [], 0
    for region, entity in zip(regions(document.entities), document.entities, strict=True):
        end = at + len(blank) + len(entity.text) + len(blank)
        value = {"start": at, "end": end, "text": "of no use", "labels": [entity.label]}
        result.append({**region, "origin": "prediction-changed", "value": value})
        at = end - len(blank)
    (trimmed,), moved = trim([{**item, "annotations": [{"result": result}]}])
    found = trimmed["annotations"][0]["result"]
    assert moved == len(document.entities)
    assert [r["value"]["text"] for r in found] == [e.text for e in document.entities]
    assert all(text[r["value"]["start"] : r["value"]["end"]] == r["value"]["text"] for r in found)
    assert all(r["origin"] == "prediction-changed" for r in found)


def _through_the_server(server: Server, project: int, there: list[Document], folder: Path) -> list[Document]:
    """Pushes, annotates, pulls and reads."""
    push(server, project, plan([Source(d.id, d.text) for d in there], present_ids(server, project)).new)
    tasks = tasks_by_id(server, project)
    for document in there:
        answer(server, tasks[document.id]["id"], document.entities)
    return read_documents([pull(server, project, folder).export])


@pytest.mark.label_studio
def test_hard_texts_survive_a_real_server(server: Server, project: Project, tmp_path: Path) -> None:
    there = []
    for text in HARD_TEXTS.values():
        starts = [text.find("Thanh"), text.rfind("Thanh")]
        found = {start: Entity.of(text, start, text.index("i", start) + 1, "ORG") for start in starts if start >= 0}
        there.append(Document(text_hash(text), text, tuple(found.values())))
    assert sum(len(d.entities) for d in there) > len(HARD_TEXTS)
    back = _through_the_server(server, project.id, there, tmp_path)
    assert sorted(back, key=lambda d: d.id) == sorted(there, key=lambda d: d.id)


@pytest.mark.label_studio
@settings(max_examples=3, deadline=None)
@given(st.lists(documents().filter(lambda d: d.text.strip()), min_size=5, max_size=10, unique_by=lambda d: d.id))
def test_any_texts_survive_a_real_server(
    label_studio: Settings, tmp_path_factory: pytest.TempPathFactory, there: list[Document]
) -> None:
    server = Server(label_studio)
    made = server.write(lambda api: api.projects.create(title="lossless"))
    try:
        back = _through_the_server(server, made.id, there, tmp_path_factory.mktemp("pulled"))
        assert sorted(back, key=lambda d: d.id) == sorted(there, key=lambda d: d.id)
    finally:
        server.write(lambda api: api.projects.delete(made.id))
