"""Counts, checked against seqeval in strict IOB2 and against nervaluate on random spans."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nervaluate import Evaluator
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from nghiquyet.documents import Document, Entity
from nghiquyet.errors import InputError
from nghiquyet.labels import LABELS
from nghiquyet.scoring import (
    Counts,
    ErrorKind,
    Key,
    bootstrap,
    count,
    errors,
    macro_f1,
    partial,
    score,
    total,
    type_only,
)

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


def span(start: int, end: int, label: str = "ORG") -> tuple[int, int, str]:
    return start, end, label


@pytest.mark.parametrize(
    ("gold", "predicted", "kind"),
    [
        ([span(0, 3)], [], "missed"),
        ([], [span(0, 3)], "spurious"),
        ([span(0, 3)], [span(0, 3, "PERSON")], "wrong label"),
        ([span(0, 3)], [span(1, 3)], "wrong boundary"),
        ([span(0, 3)], [span(1, 4, "PERSON")], "wrong label and boundary"),
        ([span(0, 6)], [span(0, 2), span(3, 6)], "split"),
        ([span(0, 2), span(3, 6)], [span(0, 6)], "merged"),
        ([span(0, 3), span(3, 6)], [span(0, 4), span(4, 6)], "tangled"),
    ],
)
def test_each_kind_of_error(gold: list[Key], predicted: list[Key], kind: str) -> None:
    hit = span(10, 12, "METRIC")  # apart from the error, touches nothing
    (error,) = errors([*gold, hit], [hit, *predicted])
    assert error.kind == kind
    assert (list(error.gold), list(error.predicted)) == (gold, predicted)
    assert error.label == "ORG"


def test_spans_that_only_touch_are_two_errors() -> None:
    found = errors([span(0, 3)], [span(3, 6)])
    assert [error.kind for error in found] == [ErrorKind.MISSED, ErrorKind.SPURIOUS]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_hits_and_errors_hold_every_span_once(left: int, right: int) -> None:
    gold, predicted = random_spans(left), random_spans(right)
    hits = set(gold) & set(predicted)
    found = errors(gold, predicted)
    assert sorted([*hits, *(key for error in found for key in error.gold)]) == gold
    assert sorted([*hits, *(key for error in found for key in error.predicted)]) == predicted
    exact, boundaries, types = count(gold, predicted), partial(gold, predicted), type_only(gold, predicted)
    assert exact.hits <= boundaries.hits <= min(len(gold), len(predicted))
    assert exact.hits <= types.hits
    assert partial(gold, gold).f1 == type_only(gold, gold).f1 == 1.0


def nervaluate_hits(gold: list[Key], predicted: list[Key]) -> dict[str, float]:
    rows = [[{"label": k[2], "start": k[0], "end": k[1] - 1} for k in keys] for keys in (gold, predicted)]
    overall = Evaluator([rows[0]], [rows[1]], tags=list(LABELS.names), loader="dict").evaluate()["overall"]
    return {
        "strict": overall["strict"].correct,
        "partial": overall["partial"].correct + 0.5 * overall["partial"].partial,
        "ent_type": overall["ent_type"].correct,
    }


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_hits_are_those_of_nervaluate(left: int, right: int) -> None:
    """Exact hits always; the laxer ones where no span lies over two, else ours can be more: it pairs by list order."""
    gold, predicted = random_spans(left), random_spans(right)
    theirs = nervaluate_hits(gold, predicted)
    assert count(gold, predicted).hits == theirs["strict"]
    if all(max(len(e.gold), len(e.predicted)) == 1 for e in errors(gold, predicted)):
        assert partial(gold, predicted).hits == theirs["partial"]
        assert type_only(gold, predicted).hits == theirs["ent_type"]


def test_where_nervaluate_pairs_by_list_order_the_longest_overlap_wins_here() -> None:
    gold, predicted = [span(0, 2), span(2, 9)], [span(1, 9), span(9, 12)]
    assert partial(gold, predicted).hits == 0.5
    gold, predicted = [span(0, 4), span(4, 6)], [span(3, 6), span(6, 8)]
    assert type_only(gold, predicted).hits == 1


def test_macro_is_the_mean_of_the_labels_that_occur() -> None:
    scores = score([document("a", (0, 2, "ORG"), (4, 6, "PERSON"))], [document("a", (0, 2, "ORG"))])
    assert macro_f1(scores) == pytest.approx(0.5)
    assert macro_f1(score([document("a")], [document("a")])) == 1.0
