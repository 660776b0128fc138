"""NFC with the way back, and tone placement."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nghiquyet.normalize import iter_lines, old_tone_placement
from tests.texts import messy


@given(messy)
def test_lines_map_back_to_the_source(source: str) -> None:
    position = 0
    for line in iter_lines(source):
        assert len(line.starts) == len(line.ends) == len(line.text)
        if line.text:
            start, end = line.source_span(0, len(line.text))
            assert start == position
            assert unicodedata.normalize("NFC", source[start:end]) == unicodedata.normalize("NFC", line.text)
            position = end
    assert position == len(source)


@given(messy, st.data())
def test_each_character_maps_to_text_that_composes_to_it(source: str, data: st.DataObject) -> None:
    for line in iter_lines(source):
        i = data.draw(st.integers(0, len(line.text) - 1)) if line.text else None
        if i is not None:
            start, end = line.source_span(i, i + 1)
            assert line.text[i] in unicodedata.normalize("NFC", source[start:end])


def test_a_decomposed_name_maps_to_all_its_code_points() -> None:
    source = unicodedata.normalize("NFD", "ở Huyện ủy")
    (line,) = iter_lines(source)
    start, end = line.source_span(line.text.index("Huyện"), len(line.text))
    assert unicodedata.normalize("NFC", source[start:end]) == "Huyện ủy"


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("Huyện ủy", "Huyện uỷ"),
        ("khóa", "khoá"),
        ("HÒA", "HOÀ"),
        ("Hòa", "Hoà"),
        ("khỏe", "khoẻ"),
        ("Thúy", "Thuý"),
        ("quý", "quý"),
        ("qúy", "qúy"),
        ("toàn", "toàn"),
        ("thuỷ", "thuỷ"),
    ],
)
def test_tone_marks_move_to_the_old_place(new: str, old: str) -> None:
    assert old_tone_placement(new) == old
    assert len(old) == len(new)


@given(st.text())
def test_tone_placement_keeps_length_and_is_stable(text: str) -> None:
    once = old_tone_placement(text)
    assert len(once) == len(text)
    assert old_tone_placement(once) == once
