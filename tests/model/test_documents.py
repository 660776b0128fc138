"""Entity and Document refuse what is not so."""

import pytest

from nghiquyet import Document, Entity, InputError


def test_entity_of_slices_its_source() -> None:
    entity = Entity.of("Bí thư Thị ủy", 7, 13, "ORG")
    assert entity.text == "Thị ủy"
    assert entity.key == (7, 13, "ORG")


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2), (0, 99)])
def test_a_span_outside_the_text_is_an_error(start: int, end: int) -> None:
    with pytest.raises(InputError, match="13 characters"):
        Entity.of("Bí thư Thị ủy", start, end, "ORG")


def test_a_document_refuses_text_that_is_not_there() -> None:
    with pytest.raises(InputError, match="'Bí', not 'Thị'"):
        Document("d", "Bí thư", (Entity(0, 2, "ORG", "Thị"),))


def test_a_document_refuses_overlap_and_disorder() -> None:
    left, right = Entity.of("Bí thư", 0, 4, "ORG"), Entity.of("Bí thư", 3, 6, "ORG")
    with pytest.raises(InputError, match="overlaps"):
        Document("d", "Bí thư", (left, right))
    first, second = Entity.of("Bí thư", 0, 2, "ORG"), Entity.of("Bí thư", 3, 6, "ORG")
    with pytest.raises(InputError, match="not sorted"):
        Document("d", "Bí thư", (second, first))
