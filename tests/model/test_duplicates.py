"""Near-duplicates are found, chance is not."""

from nghiquyet.documents import Document
from nghiquyet.duplicates import SHINGLE, overlaps


def document(name: str, *words: object) -> Document:
    return Document(name, " ".join(map(str, words)))


def test_a_copy_with_a_changed_end_is_a_near_duplicate() -> None:
    original = document("a", *range(100))
    copy = document("b", *range(95), *"xyzuv")
    other = document("c", *range(1000, 1100))
    (found,) = overlaps([original, copy, other])
    assert (found.left, found.right) == ("a", "b")
    assert 0.9 < found.share < 1.0
    assert found.near_duplicate


def test_an_excerpt_is_measured_by_its_own_length() -> None:
    (found,) = overlaps([document("whole", *range(1000))], [document("excerpt", *range(500, 530))])
    assert found.share == 1.0


def test_a_shared_phrase_is_told_but_is_no_duplicate() -> None:
    phrase = range(SHINGLE)
    (found,) = overlaps([document("a", *phrase, *range(100, 200)), document("b", *phrase, *range(200, 300))])
    assert not found.near_duplicate
    assert overlaps([document("a", *range(7), "x"), document("b", *range(7), "y")]) == []


def test_case_and_punctuation_do_not_hide_a_copy_and_blank_texts_are_like_nothing() -> None:
    assert overlaps([Document("a", "Huyện ủy, Thanh Oai!")], [Document("b", "HUYỆN ỦY THANH OAI")])[0].share == 1.0
    assert overlaps([Document("a", ""), Document("b", " ")]) == []


def test_the_five_articles_are_no_copies_of_each_other(gold: list[Document]) -> None:
    assert not any(each.near_duplicate for each in overlaps(gold))
