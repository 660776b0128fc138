import pytest

from nghiquyet.errors import AnnotationError
from nghiquyet_annotations.marked import parse_marked, regions
from nghiquyet_annotations.validate import validate


def test_marks_become_entities_and_leave_the_text() -> None:
    text, entities = parse_marked("Bí thư ⟦ORG|Huyện ủy⟧ ⟦PERSON|Bùi Hoàng Phan⟧\r\nđạt ⟦METRIC|100%⟧")
    assert text == "Bí thư Huyện ủy Bùi Hoàng Phan\r\nđạt 100%"
    assert [(e.start, e.end, e.label, e.text) for e in entities] == [
        (7, 15, "ORG", "Huyện ủy"),
        (16, 30, "PERSON", "Bùi Hoàng Phan"),
        (36, 40, "METRIC", "100%"),
    ]
    item = {"id": 1, "data": {"text": text}, "annotations": [{"result": regions(entities)}]}
    assert validate([item]).problems == ()


@pytest.mark.parametrize("marked", ["⟦LOC|Hà Nội⟧", "⟦ORG|⟧", "⟦ORG|a", "a⟧", "⟦ORG|a ⟦PERSON|b⟧⟧", "⟦ORG⟧"])
def test_a_mark_that_is_none_is_an_error(marked: str) -> None:
    with pytest.raises(AnnotationError):
        parse_marked(marked)
