"""Counts, checked against seqeval in strict IOB2 on random tags."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from nghiquyet.documents import Document, Entity
from nghiquyet.errors import InputError
from nghiquyet.labels import LABELS
from nghiquyet.scoring import Counts, bootstrap, count, score, total

WORDS = 30


def random_spans(seed: int) -> list[tuple[int, int, str]]:
    draw, spans, i = random.Random(seed), [], 0
    while i < WORDS:
        length = draw.randint(1, 4)
        if draw.random() < 0.5 and i + length <= WORDS:
            spans.append((i, i + length, draw.choice(LABELS.names)))
        i += length
    return spans


def as_tags(spans: list[tuple[int, int, str]]) -> list[str]:
    tags = ["O"] * WORDS
    for start, end, label in spans:
        tags[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
    return tags


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_f1_is_that_of_seqeval(left: int, right: int) -> None:
    gold, predicted = random_spans(left), random_spans(right) + random_spans(left)[:3]
    predicted = [
        s for i, s in enumerate(sorted(set(predicted))) if not any(s[0] < p[1] for p in sorted(set(predicted))[:i])
    ]
    ours = count(gold, predicted)
    if ours.gold + ours.predicted:
        theirs = f1_score([as_tags(gold)], [as_tags(predicted)], mode="strict", scheme=IOB2, zero_division=0)
        assert ours.f1 == pytest.approx(theirs)


def document(name: str, *spans: tuple[int, int, str]) -> Document:
    text = "0123456789" * 3
    return Document(name, text, tuple(Entity.of(text, *span) for span in spans))


def test_counts_add_up() -> None:
    gold = [document("a", (0, 2, "ORG"), (4, 6, "PERSON")), document("b", (1, 3, "ORG"))]
    predicted = [document("b", (1, 3, "ORG"), (5, 6, "METRIC")), document("a", (0, 3, "ORG"), (4, 6, "PERSON"))]
    scores = score(gold, predicted)
    assert scores["micro"].counts == Counts(hits=2, gold=3, predicted=4)
    assert scores["ORG"].counts == Counts(1, 2, 2)
    assert sum((scores[name].counts for name in LABELS.names), Counts()) == scores["micro"].counts
    assert scores["micro"].low <= scores["micro"].counts.f1 <= scores["micro"].high
    assert total([(gold[0], predicted[1])]) == Counts(1, 2, 2)


def test_nothing_to_find_and_nothing_claimed_is_right() -> None:
    assert Counts().f1 == 1.0
    assert Counts(0, 0, 3).f1 == 0.0
    assert Counts(0, 3, 0).precision == 0.0


def test_the_interval_is_narrow_for_equal_documents_and_wide_for_unequal_ones() -> None:
    assert bootstrap([Counts(8, 10, 10)] * 20) == (0.8, 0.8)
    low, high = bootstrap([Counts(10, 10, 10), Counts(0, 10, 10)] * 5)
    assert low < 0.4
    assert high > 0.6


def test_documents_without_the_label_do_not_widen_its_interval() -> None:
    assert bootstrap([Counts(0, 3, 0)] + [Counts()] * 4) == (0.0, 0.0)
    assert bootstrap([Counts()] * 4) == (1.0, 1.0)


def test_other_documents_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="same documents"):
        score([document("a")], [document("b")])
    with pytest.raises(InputError, match="another text"):
        score([document("a")], [Document("a", "x")])
