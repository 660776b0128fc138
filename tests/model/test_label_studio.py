"""Reading Label Studio exports: four states, and no bad span passes."""

import json
from pathlib import Path
from typing import Any

import pytest

from nghiquyet.documents import Document
from nghiquyet.errors import AnnotationError, InputError
from nghiquyet.label_studio import State, read_documents, read_tasks, text_hash
from tests.conftest import ARTICLES

TEXT = "Bí thư Thị ủy Phúc Yên"


def region(start: Any, end: Any, label: Any = "ORG") -> dict[str, Any]:
    return {"type": "labels", "value": {"start": start, "end": end, "labels": [label], "text": "not to be trusted"}}


def annotation(*regions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": 1, "completed_by": 1, "result": list(regions), **more}


def write(folder: Path, *annotation_lists: list[dict[str, Any]]) -> Path:
    tasks = [
        {"id": i, "data": {"text": TEXT, "doc_id": f"d{i}"}, "annotations": a} for i, a in enumerate(annotation_lists)
    ]
    path = folder / "export.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def test_the_four_states_are_told_apart(tmp_path: Path) -> None:
    path = write(
        tmp_path, [], [annotation()], [annotation(region(7, 13), was_cancelled=True)], [annotation(region(7, 13))]
    )
    assert [task.state for task in read_tasks(path)] == [State.UNLABELLED, State.EMPTY, State.SKIPPED, State.LABELLED]
    documents = read_documents([path])
    assert [(d.id, len(d.entities)) for d in documents] == [("d1", 0), ("d3", 1)]


def test_the_text_comes_from_the_task(tmp_path: Path) -> None:
    (document,) = read_documents([write(tmp_path, [annotation(region(7, 13))])])
    assert document.entities[0].text == "Thị ủy"


def test_the_ground_truth_wins(tmp_path: Path) -> None:
    path = write(tmp_path, [annotation(region(0, 2)), annotation(region(7, 13), ground_truth=True)])
    assert read_documents([path])[0].entities[0].text == "Thị ủy"


def test_two_annotators_without_ground_truth_are_no_gold(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="2 annotations that could be the gold"):
        read_documents([write(tmp_path, [annotation(), annotation()])])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([region(0, 99)], "does not lie"),
        ([region(5, 2)], "does not lie"),
        ([region(0.0, 2)], "does not lie"),
        ([region(True, 2)], "does not lie"),
        ([region(0, 2, "LOC")], "needed one of ORG"),
        ([region(0, 6), region(3, 13)], "overlap"),
    ],
)
def test_bad_spans_are_named(tmp_path: Path, bad: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(AnnotationError, match=message) as caught:
        read_documents([write(tmp_path, [annotation(*bad)])])
    assert "document d0" in str(caught.value)


def test_a_document_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, [annotation()])
    with pytest.raises(AnnotationError, match="was read before"):
        read_documents([path, path])


@pytest.mark.parametrize("content", ["{}", "not json", "[1]", '[{"text": "a"}]', '[{"data": {"text": 3}}]'])
def test_what_is_not_an_export_is_an_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"export\.json"):
        read_tasks(path)


def test_a_missing_export_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the export"):
        read_tasks(tmp_path / "none.json")


def test_the_gold_is_of_the_five_articles(gold: list[Document]) -> None:
    assert {d.id for d in gold} == {text_hash(path.read_bytes().decode("utf-8")) for path in ARTICLES}
    assert sum(len(d.entities) for d in gold) > 150
