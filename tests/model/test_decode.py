"""Decoding against a search through all tag sequences."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nghiquyet.decode import Decoder, Floats, log_softmax
from nghiquyet.labels import LABELS, Label, LabelSet

SMALL = LabelSet(tuple(Label(n, "#000000", "1", n, ()) for n in ("X", "Y")))  # 5 tags


def is_legal(tags: tuple[str, ...]) -> bool:
    previous = "O"
    for tag in tags:
        if tag.startswith("I-") and previous not in (f"B-{tag[2:]}", tag):
            return False
        previous = tag
    return True


def random_logits(seed: int, words: int, tags: int, scale: float = 1.0) -> Floats:
    return np.random.default_rng(seed).normal(scale=scale, size=(words, tags)).astype(np.float32)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), words=st.integers(1, 5))
def test_best_tags_are_the_best_of_all_legal_sequences(seed: int, words: int) -> None:
    log_probs = log_softmax(random_logits(seed, words, 5))
    legal = [s for s in product(range(5), repeat=words) if is_legal(tuple(SMALL.tags[t] for t in s))]
    best = max(legal, key=lambda s: sum(float(log_probs[i, t]) for i, t in enumerate(s)))
    assert tuple(Decoder(SMALL).best_tags(log_probs, [(0, words)])) == best


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_the_fast_path_is_viterbi(seed: int, sizes: list[int]) -> None:
    decoder = Decoder()
    edges = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    lines = list(pairwise(edges))
    log_probs = log_softmax(random_logits(seed, edges[-1], len(LABELS.tags), scale=3.0))
    slow = np.concatenate([decoder.viterbi(log_probs[a:b]) for a, b in lines])
    assert decoder.best_tags(log_probs, lines).tolist() == slow.tolist()


def logits_of(*tags: str) -> Floats:
    rows = np.full((len(tags), len(LABELS.tags)), -4.0, dtype=np.float32)
    rows[np.arange(len(tags)), [LABELS.label2id[tag] for tag in tags]] = 4.0
    return rows


def test_neighbours_of_one_label_stay_apart() -> None:
    found = Decoder().decode(logits_of("B-ORG", "B-ORG", "I-ORG", "O", "B-PERSON"), [(0, 5)])
    assert [(s.first, s.last, s.label) for s in found] == [(0, 1, "ORG"), (1, 3, "ORG"), (4, 5, "PERSON")]


def test_no_entity_crosses_a_line() -> None:
    found = Decoder().decode(logits_of("B-ORG", "I-ORG", "I-ORG", "O"), [(0, 2), (2, 4)])
    assert all(s.last <= 2 or s.first >= 2 for s in found)
    assert (found[0].first, found[0].last) == (0, 2)


def test_the_score_is_the_probability_of_the_span() -> None:
    logits = logits_of("B-ORG", "I-ORG", "O")
    probabilities = np.exp(log_softmax(logits))
    (span,) = Decoder().decode(logits, [(0, 3)])
    begin, inside = LABELS.begin("ORG"), LABELS.inside("ORG")
    expected = probabilities[0, begin] * probabilities[1, inside] * (1 - probabilities[2, inside])
    assert span.score == pytest.approx(float(expected), rel=1e-5)


def test_nothing_comes_of_nothing() -> None:
    assert Decoder().decode(np.empty((0, len(LABELS.tags)), dtype=np.float32), []) == []
