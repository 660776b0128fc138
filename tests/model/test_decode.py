"""Decoding against a sum over all tag sequences."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nghiquyet.decode import SURE, Decoder, Floats, WordSpan, log_softmax, unsure_runs
from nghiquyet.labels import LABELS, Label, LabelSet
from nghiquyet.predictor import Predictor

SMALL = LabelSet(tuple(Label(n, "#000000", "1", n, ()) for n in ("X", "Y")))  # 5 tags


def random_logits(seed: int, words: int, tags: int, scale: float = 1.0) -> Floats:
    return np.random.default_rng(seed).normal(scale=scale, size=(words, tags)).astype(np.float32)


def sequences(logits: Floats, transitions: Floats) -> dict[tuple[int, ...], float]:
    """The probability of every legal sequence of tags of one line, begun and ended as beside O."""
    probabilities = np.exp(log_softmax(logits))
    legal = Decoder(labels=SMALL).legal
    weights = {}
    for tags in product(range(5), repeat=len(logits)):
        whole = (0, *tags, 0)
        if all(legal[a, b] for a, b in pairwise(whole)):
            steps = sum(transitions[a, b] for a, b in pairwise(whole))
            weights[tags] = float(np.prod(probabilities[np.arange(len(tags)), tags]) * np.exp(steps))
    total = sum(weights.values())
    return {tags: weight / total for tags, weight in weights.items()}


def spans_of(tags: tuple[int, ...]) -> set[tuple[int, int, str]]:
    found, names = set(), [SMALL.tags[tag] for tag in tags] + ["O"]
    for first, name in enumerate(names):
        if name.startswith("B-"):
            last = next(i for i in range(first + 1, len(names)) if names[i] != f"I-{name[2:]}")
            found.add((first, last, name[2:]))
    return found


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), words=st.integers(1, 4), weighed=st.booleans())
def test_spans_are_those_of_the_best_sequence_and_score_their_probability(seed: int, words: int, weighed: bool) -> None:
    logits = random_logits(seed, words, 5)
    transitions = random_logits(seed + 1, 5, 5) if weighed else np.zeros((5, 5), dtype=np.float32)
    likely = sequences(logits, transitions)
    found = Decoder(transitions.tolist() if weighed else None, SMALL).decode(logits, [(0, words)])
    best = max(likely, key=lambda tags: likely[tags])
    assert {(s.first, s.last, s.label) for s in found} == spans_of(best)
    for s in found:
        probability = sum(p for tags, p in likely.items() if (s.first, s.last, s.label) in spans_of(tags))
        assert s.score == pytest.approx(probability, abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_lines_do_not_touch_each_other(seed: int, sizes: list[int]) -> None:
    lines = list(pairwise(np.concatenate([[0], np.cumsum(sizes)]).tolist()))
    logits = random_logits(seed, sum(sizes), len(LABELS.tags), scale=3.0)
    logits[:, 0] += 4  # some words are surely outside
    together = Decoder().decode(logits, lines)
    apart = [
        WordSpan(first + s.first, first + s.last, s.label, s.score)
        for first, last in lines
        for s in Decoder().decode(logits[first:last], [(0, last - first)])
    ]
    assert together == apart  # to the bit


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 30), max_size=6), weighed=st.booleans())
def test_texts_do_not_touch_each_other(seed: int, sizes: list[int], weighed: bool) -> None:
    tags = len(LABELS.tags)
    decoder = Decoder(random_logits(seed + 1, tags, tags).tolist() if weighed else None)
    logits = [random_logits(seed + i, size, tags, scale=3.0) for i, size in enumerate(sizes)]
    lines = [[(0, size // 2), (size // 2, size)] if size > 1 else [(0, 1)] * size for size in sizes]
    apart = [decoder.decode(*each) for each in zip(logits, lines, strict=True)]
    assert decoder.decode_all(logits, lines) == apart  # to the bit


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 10), min_size=1, max_size=5))
def test_runs_hold_all_words_that_may_be_of_a_span(seed: int, sizes: list[int]) -> None:
    lines = list(pairwise(np.concatenate([[0], np.cumsum(sizes)]).tolist()))
    probabilities = np.zeros((sum(sizes), 9), dtype=np.float32)
    random = np.random.default_rng(seed)
    probabilities[:, 0] = random.choice([0.5, 1.0], size=sum(sizes))
    tags = random.choice([1, 2], size=sum(sizes))  # what else it may be begins a span, or goes on with one
    probabilities[np.arange(sum(sizes)), tags] = 1 - probabilities[:, 0]
    runs = unsure_runs(probabilities, lines, Decoder().begins)
    expected = []
    for first, last in lines:
        open_ = False
        for i in range(first, last):
            open_ = bool(probabilities[i, 0] < SURE and (open_ or tags[i] == 1))
            expected += [i] if open_ else []
    assert [i for a, b in runs for i in range(a, b)] == expected
    line_of = {i: line for line in lines for i in range(*line)}
    assert all(len({line_of[i] for i in range(a, b)}) == 1 for a, b in runs)


def test_most_words_are_outside_for_sure_to_a_calibrated_model(articles: list[str]) -> None:
    # Its temperature once left no word as sure as was asked for, and the chain ran over all of them.
    predictor = Predictor.load()
    encoded = [predictor.encoder.encode(article) for article in articles]
    for each, logits in zip(encoded, predictor.word_logits(encoded), strict=True):
        runs = unsure_runs(np.exp(log_softmax(logits / predictor.temperature)), each.lines, predictor.decoder.begins)
        assert sum(last - first for first, last in runs) < len(each) / 2


def test_long_lines_lose_no_precision() -> None:
    logits = np.tile(random_logits(0, 1, len(LABELS.tags), scale=0.1), (5_000, 1))
    found = Decoder().decode(logits, [(0, 5_000)])
    assert all(np.isfinite(s.score) for s in found)


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


def test_a_transition_that_is_likelier_pulls_a_word_in() -> None:
    logits = logits_of("B-ORG", "O")
    logits[1, LABELS.inside("ORG")] = 3.9  # a little less than O
    transitions = np.zeros((len(LABELS.tags),) * 2)
    transitions[LABELS.begin("ORG"), LABELS.inside("ORG")] = 1.0
    assert [s.last for s in Decoder().decode(logits, [(0, 2)])] == [1]
    assert [s.last for s in Decoder(transitions.tolist()).decode(logits, [(0, 2)])] == [2]


def test_nothing_comes_of_nothing() -> None:
    assert Decoder().decode(np.empty((0, len(LABELS.tags)), dtype=np.float32), []) == []
