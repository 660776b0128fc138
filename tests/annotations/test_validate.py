from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nghiquyet.errors import InputError
from nghiquyet.label_studio import State, text_hash
from nghiquyet_annotations.validate import Kind, Problem, around, read_articles, validate

Make = Callable[..., Any]


def _problems(*items: Any, **options: Any) -> list[Problem]:
    return list(validate(items, **options).problems)


def _kinds(*items: Any, **options: Any) -> list[Kind]:
    return [problem.kind for problem in _problems(*items, **options)]


def test_a_good_task_has_no_problem(task: Make, region: Make) -> None:
    spans = region("Huyện ủy Thanh Oai", "ORG"), region("Bùi Hoàng Phan", "PERSON"), region("7/9 chỉ tiêu", "METRIC")
    assert _problems(task(*spans)) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"start": 7.0}, Kind.OFFSETS),
        ({"start": "7"}, Kind.OFFSETS),
        ({"start": True}, Kind.OFFSETS),
        ({"end": None}, Kind.OFFSETS),
        ({"start": -1}, Kind.RANGE),
        ({"end": 10_000}, Kind.RANGE),
        ({"start": 25, "end": 7}, Kind.RANGE),
        ({"end": 7}, Kind.RANGE),
        ({"labels": ["LOC"]}, Kind.LABEL),
        ({"labels": []}, Kind.LABEL),
        ({"labels": ["ORG", "PERSON"]}, Kind.LABEL),
        ({"labels": "ORG"}, Kind.LABEL),
        ({"labels": [{}]}, Kind.LABEL),
        ({"text": "Huyện ủy Ba Vì"}, Kind.TEXT),
        ({"text": 5}, Kind.TEXT),
    ],
)
def test_one_wrong_part_of_a_span_is_one_problem(task: Make, region: Make, changes: dict[str, Any], kind: Kind) -> None:
    assert _kinds(task(region("Huyện ủy Thanh Oai", "ORG", **changes))) == [kind]


@pytest.mark.parametrize("surface", [" Huyện ủy", "Huyện ủy ", "Thanh Oai\n", "\nBùi"])
def test_white_space_at_an_edge(task: Make, region: Make, surface: str) -> None:
    assert _kinds(task(region(surface, "ORG"))) == [Kind.WHITE_SPACE]


def test_a_zero_width_space_at_an_edge_is_white_space(task: Make) -> None:
    text = "\u200bHuyện ủy họp"
    value = {"start": 0, "end": 9, "labels": ["ORG"]}
    assert _kinds(task({"type": "labels", "value": value}, text=text)) == [Kind.WHITE_SPACE]


@pytest.mark.parametrize("surface", ["“Chương trình 01”", "“Chương trình 01", "Chương trình 01”"])
def test_a_quotation_mark_at_an_edge(task: Make, region: Make, surface: str) -> None:
    assert _kinds(task(region(surface, "RESOLUTION"))) == [Kind.QUOTATION]


@pytest.mark.parametrize("name", ['Nguyễn Văn "Tư"', '"Tư" Nguyễn', "“Ba” Văn và “Tư”"])
def test_a_quotation_mark_whose_partner_is_inside_belongs_to_the_name(task: Make, name: str) -> None:
    value = {"start": 0, "end": len(name), "text": name, "labels": ["PERSON"]}
    assert _kinds(task({"type": "labels", "value": value}, text=name + " phát biểu")) == []


def test_the_text_may_come_back_as_the_page_writes_it(task: Make, region: Make) -> None:
    surface = "Thanh Oai\nBùi Hoàng Phan"
    assert _kinds(task(region(surface, "ORG", text=surface.replace("\n", "\\n")))) == []


def test_overlapping_and_doubled_spans(task: Make, region: Make) -> None:
    outer, inner, apart = (
        region("Huyện ủy Thanh Oai", "ORG"),
        region("Thanh Oai", "ORG"),
        region("7/9 chỉ tiêu", "METRIC"),
    )
    assert _kinds(task(outer, inner, apart)) == [Kind.OVERLAP]
    assert _kinds(task(outer, apart, outer)) == [Kind.OVERLAP]
    assert _kinds(task(outer, region("ủy", "ORG"), region("Oai", "ORG"))) == [Kind.OVERLAP] * 2


def test_spans_that_touch_do_not_overlap(task: Make, region: Make) -> None:
    assert _kinds(task(region("Huyện ủy", "ORG"), region(" Thanh Oai", "ORG"))) == [Kind.WHITE_SPACE]


def test_two_annotators_may_mark_the_same_span(task: Make, region: Make) -> None:
    item = task(region("Huyện ủy", "ORG"))
    item["annotations"].append(item["annotations"][0] | {"id": 2, "completed_by": 2})
    report = validate([item])
    assert (report.problems, report.several) == ((), 1)


def test_duplicate_task_and_document(task: Make) -> None:
    assert _kinds(task(id=1), task(id=1, text="khác")) == [Kind.DUPLICATE]
    assert _kinds(task(id=1), task(id=2)) == [Kind.DUPLICATE]
    other_id = {"text": task()["data"]["text"], "doc_id": "another"}
    assert _kinds(task(id=1), task(id=2, data=other_id)) == [Kind.DUPLICATE]
    assert _kinds(task(id=1), task(id=2, text="khác"), task(id=None), task(id=None, text="nữa")) == [Kind.DUPLICATE]


def test_a_text_that_is_not_the_articles(task: Make, text: str, tmp_path: Path) -> None:
    (tmp_path / "000.txt").write_bytes(text.encode())
    articles = read_articles(tmp_path)
    assert _kinds(task(), articles=articles) == []
    assert _kinds(task(data={"text": text + " ", "doc_id": text_hash(text)}), articles=articles) == [Kind.CHANGED]
    assert _kinds(task(text="khác"), articles=articles) == [Kind.CHANGED]


def test_articles_come_from_a_folder_or_from_the_manifest(root: Path, tmp_path: Path) -> None:
    folder = read_articles(root / "annotations/articles")
    assert len(folder) == 5
    assert read_articles(root / "annotations/gold/manifest.json") == folder
    with pytest.raises(InputError, match=r"no \.txt file"):
        read_articles(tmp_path)
    with pytest.raises(InputError, match="no manifest"):
        read_articles(root / "annotations/gold/gold.json")


@pytest.mark.parametrize(
    "item",
    [
        7,
        {"id": 1},
        {"id": 1, "data": {}},
        {"id": 1, "data": {"text": 5}, "annotations": []},
        {"id": [], "data": {"text": "x"}, "annotations": []},
        {"id": 1, "data": {"text": "x"}, "annotations": {}},
        {"id": 1, "data": {"text": "x"}, "annotations": [5]},
        {"id": 1, "data": {"text": "x"}, "annotations": [{"result": None}]},
        {"id": 1, "data": {"text": "x"}, "annotations": [{"result": [5]}]},
        {"id": 1, "data": {"text": "x"}, "annotations": [{"result": [{"type": "labels", "value": []}]}]},
        {"id": 1, "data": {"text": "x"}, "annotations": [{"result": [{"type": "choices", "value": {}}]}]},
    ],
)
def test_what_is_not_a_task_is_a_problem_and_no_traceback(item: Any) -> None:
    assert _kinds(item) == [Kind.STRUCTURE]


def test_no_problem_hides_another(task: Make, region: Make) -> None:
    bad = region("Huyện ủy ", "LOC", text="khác"), region("7/9", "METRIC", start=None)
    found = _kinds({"id": 9}, task(*bad, region("Huyện", "ORG")), task(id=1, text="khác"))
    expected = [
        Kind.STRUCTURE,
        Kind.LABEL,
        Kind.WHITE_SPACE,
        Kind.TEXT,
        Kind.OFFSETS,
        Kind.OVERLAP,
        Kind.DUPLICATE,
    ]
    assert found == expected


def test_a_problem_says_where_it_is(task: Make, region: Make) -> None:
    (problem,) = _problems(task(region("Huyện ủy ", "ORG"), id=12))
    assert problem.span == (7, 16)
    assert problem.context == "Bí thư [Huyện ủy ]Thanh Oai\\nBùi Hoàng …"
    assert str(problem).startswith("task 12 (document ")
    assert "[7, 16)" in str(problem)


@pytest.mark.parametrize(("start", "end"), [(-5, 3), (3, 99), (50, 60), (9, 2)])
def test_context_of_offsets_beyond_the_text(start: int, end: int) -> None:
    assert around("0123456789", start, end).count("[") == 1


def test_the_states_are_counted_apart(task: Make, region: Make) -> None:
    labelled, empty = task(region("Huyện ủy", "ORG"), text="Bí thư Huyện ủy"), task(id=2, text="b")
    unlabelled = task(id=3, text="c", annotations=[])
    skipped = task(region("Huyện ủy", "LOC", end=999), id=4, text="d")
    skipped["annotations"][0]["was_cancelled"] = True
    report = validate([labelled, empty, unlabelled, skipped])
    assert report.problems == ()
    assert report.states == {State.LABELLED: 1, State.EMPTY: 1, State.UNLABELLED: 1, State.SKIPPED: 1}
