from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nghiquyet.documents import Entity
from nghiquyet.errors import AnnotationError
from nghiquyet.label_studio import read_documents, text_hash
from nghiquyet_annotations.adjudicate import (
    ADJUDICATOR,
    BOTH,
    PROVENANCE,
    check_texts,
    decide,
    missing_tasks,
    read_sides,
)
from nghiquyet_annotations.cli import app
from nghiquyet_annotations.project import find_project
from nghiquyet_annotations.raw import read_export
from nghiquyet_annotations.server import Server
from nghiquyet_annotations.settings import Settings
from nghiquyet_annotations.validate import validate
from tests.annotations.answers import answer

Make = Callable[..., Any]
TITLE = "Phân xử (thử)"
SAME = "Huyện ủy Phúc Yên"


@pytest.fixture
def sides(task: Make, region: Make, save: Make) -> tuple[Path, Path]:
    """Two exports: one document in which they agree, one in which they do not, one that only the first has."""
    agreed = task(region("Huyện ủy", "ORG", start=0, end=8), id=2, text=SAME)
    first = task(region("Huyện ủy", "ORG"), region("Bùi Hoàng Phan", "PERSON"))
    second = task(region("Huyện ủy Thanh Oai", "ORG"), region("Bùi Hoàng Phan", "PERSON"))
    alone = task(id=3, text="chỉ một bên")
    return save(first, agreed, alone, name="an.json"), save(agreed, second, name="binh.json")


def test_what_agrees_is_taken_over_and_the_rest_is_asked(sides: tuple[Path, Path], text: str) -> None:
    found = read_sides(*sides)
    assert [d.text for d in found.agreed] == [SAME]
    assert found.left_out == (text_hash("chỉ một bên"),)
    (asked,) = missing_tasks(found, [])
    assert asked["data"] == {"text": text, "doc_id": text_hash(text)}
    assert [p["model_version"] for p in asked["predictions"]] == ["an", "binh"]
    assert [p["result"][0]["value"]["text"] for p in asked["predictions"]] == ["Huyện ủy", "Huyện ủy Thanh Oai"]
    assert missing_tasks(found, [asked]) == []
    outcome = decide(found, None)
    assert outcome.open == (text_hash(text),)
    assert outcome.items[0]["annotations"][0]["result"][0][PROVENANCE] == BOTH


def test_the_decision_says_who_had_each_span(sides: tuple[Path, Path], task: Make, region: Make, save: Make) -> None:
    spans = region("Huyện ủy Thanh Oai", "ORG"), region("Bùi Hoàng Phan", "PERSON"), region("7/9 chỉ tiêu", "METRIC")
    outcome = decide(read_sides(*sides), save(task(*spans), name="answers.json"))
    assert outcome.open == ()
    (decided,) = outcome.items[1]["annotations"]
    assert [r[PROVENANCE] for r in decided["result"]] == ["binh", BOTH, ADJUDICATOR]
    assert validate(outcome.items).problems == ()


def test_a_skipped_document_is_named(sides: tuple[Path, Path], task: Make, save: Make, text: str) -> None:
    item = task()
    item["annotations"][0]["was_cancelled"] = True
    outcome = decide(read_sides(*sides), save(item, name="answers.json"))
    assert (outcome.open, outcome.skipped) == ((), (text_hash(text),))


def test_a_document_that_was_sent_twice_is_named(sides: tuple[Path, Path], task: Make, save: Make) -> None:
    twice = save(task(), task(id=8, annotations=[]), name="answers.json")
    with pytest.raises(AnnotationError, match=r"twice: task 1 .* and task 8"):
        decide(read_sides(*sides), twice)


def test_the_two_annotators_of_one_export_are_sides_too(task: Make, region: Make, save: Make) -> None:
    item = task(region("Huyện ủy", "ORG"), by=7)
    item["annotations"] += task(id=2, by=8)["annotations"]
    found = read_sides(save(item), None)
    assert found.names == ("annotator 7", "annotator 8")
    with pytest.raises(AnnotationError, match=r"has 1 annotator"):
        read_sides(save(task()), None)


def test_a_project_with_other_tasks_is_refused(sides: tuple[Path, Path]) -> None:
    with pytest.raises(AnnotationError, match="title of its own"):
        check_texts(read_sides(*sides), [{"id": 1, "data": {"doc_id": "foreign"}}])


@pytest.mark.label_studio
def test_the_command_asks_once_and_fetches_the_decision(
    sides: tuple[Path, Path], label_studio: Settings, server: Server, tmp_path: Path, text: str
) -> None:
    out = tmp_path / "gold.json"
    where = ["--url", label_studio.url, "--token", label_studio.token]
    arguments = ["adjudicate", *map(str, sides), "-t", TITLE, "-o", str(out), *where]
    first = CliRunner().invoke(app, arguments)
    project = find_project(server, TITLE)
    try:
        assert first.exit_code == 1, first.output
        assert "1 still open" in first.output
        (task,) = server.tasks(project.id)
        assert len(task["predictions"]) == 2
        answer(server, task["id"], [Entity.of(text, 7, 25, "ORG")])
        second = CliRunner().invoke(app, arguments)
        assert second.exit_code == 0, second.output
        assert len(list(server.tasks(project.id))) == 1
    finally:
        server.write(lambda api: api.projects.delete(project.id))
    assert {d.text: [e.text for e in d.entities] for d in read_documents([out])} == {
        SAME: ["Huyện ủy"],
        text: ["Huyện ủy Thanh Oai"],
    }
    assert read_export(out)[1]["annotations"][0]["result"][0][PROVENANCE] == "binh"
