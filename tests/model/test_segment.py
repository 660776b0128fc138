"""Words: every edge where a name can begin or end, and a measured ceiling."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings

from nghiquyet.documents import Document
from nghiquyet.errors import ArtefactError
from nghiquyet.label_studio import read_documents
from nghiquyet.normalize import iter_lines
from nghiquyet.segment import MAX_WORD, SEGMENTERS, atoms, load_segmenter
from tests.texts import messy


def words(line: str, segmenter: str = "syllable") -> list[str]:
    return [line[a:b] for a, b in load_segmenter(segmenter).segment(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("TP.Thanh Hóa", ["TP", ".", "Thanh", "Hóa"]),
        ("Hoàng NgaTAG:", ["Hoàng", "Nga", "TAG", ":"]),
        ("hơn 17.792 lượt", ["hơn", "17.792", "lượt"]),
        ("7/9, 50% và 3,5 tỷ", ["7", "/", "9", ",", "50", "%", "và", "3,5", "tỷ"]),
        ("Đề án 06-ĐA/TU...", ["Đề", "án", "06", "-", "ĐA", "/", "TU", "..."]),
        ("ng\u200bhị \ufeffquyết", ["ng", "hị", "quyết"]),
        ("Hà_Nội", ["Hà", "_", "Nội"]),
        ("100m² 25km", ["100", "m²", "25", "km"]),
        ("  \t", []),
    ],
)
def test_atoms(line: str, expected: list[str]) -> None:
    assert words(line) == expected


@pytest.mark.parametrize("segmenter", SEGMENTERS)
@settings(max_examples=150, deadline=None)
@given(text=messy)
def test_words_are_made_of_whole_atoms_in_order(segmenter: str, text: str) -> None:
    found = load_segmenter(segmenter)
    for line in iter_lines(text):
        edges = atoms(line.text)
        starts, ends = {a for a, _ in edges}, {b for _, b in edges}
        spans = found.segment(line.text)
        assert all(a in starts and b in ends for a, b in spans)
        assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))
        inside = {i for a, b in spans for i in range(a, b)}
        assert inside >= {i for a, b in edges for i in range(a, b)}
        assert all(b - a <= MAX_WORD for a, b in edges)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ở TP.Thanh Hóa hôm nay", "Thanh Hóa"),
        ("Hoàng NgaTAG: tin", "Hoàng Nga"),
        ("Trưởng ban Tổ chức Thành ủy Cần Thơ cho biết", "ban Tổ chức Thành ủy Cần Thơ"),
        ("Bí thư Huyện ủy Tân Yên Dương Đức Thảo phát biểu", "Dương Đức Thảo"),
        ("chủ tịch Sahako hòa nhập", "Sahako"),
        ("Chủ tịch UBND huyện Quỳnh Lưu nghỉ", "UBND huyện Quỳnh Lưu"),
        ("Đảng ủy khóa X. Sau đó", "X"),
        ("LÊ PHI Việc", "LÊ PHI"),
    ],
)
@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_names_at_the_edges_that_segmenters_glue_can_be_written(segmenter: str, text: str, name: str) -> None:
    spans = load_segmenter(segmenter).segment(text)
    start = text.index(name)
    assert start in {a for a, _ in spans}
    assert start + len(name) in {b for _, b in spans}


def test_underthesea_keeps_dictionary_words_whole() -> None:
    assert "Huyện ủy" in words("Bí thư Huyện ủy phát biểu chỉ đạo", "underthesea")
    assert "phát biểu" in words("Bí thư Huyện ủy phát biểu chỉ đạo", "underthesea")


def share_that_can_be_written(documents: list[Document], segmenter: str) -> float:
    found, written, total = load_segmenter(segmenter), 0, 0
    for document in documents:
        spans = [line.source_span(*word) for line in iter_lines(document.text) for word in found.segment(line.text)]
        starts, ends = {a for a, _ in spans}, {b for _, b in spans}
        written += sum(e.start in starts and e.end in ends for e in document.entities)
        total += len(document.entities)
    return written / total


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_all_gold_spans_of_the_articles_can_be_written(segmenter: str, gold: list[Document]) -> None:
    assert share_that_can_be_written(gold, segmenter) == 1.0


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_nearly_all_spans_of_new_texts_can_be_written(segmenter: str, extra_export: Path) -> None:
    assert share_that_can_be_written(read_documents([extra_export]), segmenter) >= 0.995


def test_an_unknown_segmenter_is_named() -> None:
    with pytest.raises(ArtefactError, match="syllable, underthesea"):
        load_segmenter("rdr")
