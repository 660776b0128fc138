"""What must hold for every text: `text[start:end] == entity.text`, sorted, no overlap, nothing lost."""

import unicodedata
from itertools import pairwise

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nghiquyet.predictor import Predictor
from tests.texts import messy, mutate

MANY = settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(predictor: Predictor, text: str) -> int:
    """Asserts all that must hold; returns how many entities there were."""
    spans = predictor.encoder.encode(text).spans
    assert all(left[1] <= right[0] for left, right in pairwise(spans))
    assert all(start < end for start, end in spans)
    entities = predictor.predict(text)
    end = 0
    for entity in entities:
        assert text[entity.start : entity.end] == entity.text
        assert entity.start >= end
        assert entity.text.strip() == entity.text != ""
        assert 0.0 <= entity.score <= 1.0
        end = entity.end
    return len(entities)


@MANY
@given(text=messy)
@example(text="Hà_Nội\n")
@example(text="e\u0301" * 300)
@example(text="\u0301lửng lơ")
@example(text="1\u0301 e\u0301")  # a base that does not compose, beside one that does
@example(text="50%\u0301 " + "Thi\u0323 u\u0309y")
@example(text="x\u0301" * 70)  # many marks make many pieces
@example(text="e" + "\u0323\u0302" * 300)
def test_offsets_hold_for_messy_text(predictor: Predictor, text: str) -> None:
    check(predictor, text)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), form=st.sampled_from(["NFC", "NFD", "NFKD", "mixed"]))
def test_offsets_hold_for_mutated_articles(
    predictor: Predictor, articles: list[str], data: st.DataObject, form: str
) -> None:
    article = articles[data.draw(st.integers(0, len(articles) - 1))]
    start = data.draw(st.integers(0, len(article) - 1))
    cut = mutate(article[start : start + 400], form)
    place, insert = (
        data.draw(st.integers(0, len(cut))),
        data.draw(st.sampled_from(["\u200b", "\r\n", "👍🏿", "\u00a0"])),
    )
    check(predictor, cut[:place] + insert + cut[place:])


def test_the_strategies_do_find_entities(predictor: Predictor, articles: list[str]) -> None:
    assert all(check(predictor, mutate(article, "NFD")) > 100 for article in articles)


def test_normal_form_does_not_change_what_is_found(predictor: Predictor, articles: list[str]) -> None:
    for article in articles:
        found = predictor.predict(article)
        decomposed = predictor.predict(unicodedata.normalize("NFD", article))
        assert [(e.label, e.text) for e in found] == [
            (e.label, unicodedata.normalize("NFC", e.text)) for e in decomposed
        ]


def test_every_visible_character_is_in_a_word(predictor: Predictor, articles: list[str]) -> None:
    for text in [*articles, *(mutate(article, "NFD") for article in articles)]:
        covered = [i for start, end in predictor.encoder.encode(text).spans for i in range(start, end)]
        assert [i for i, c in enumerate(text) if not c.isspace()] == covered
