"""Perturbed documents keep their gold, whatever is done to the text."""

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nghiquyet import Predictor
from nghiquyet.documents import Document, Entity
from nghiquyet_training.perturb import PERTURBATIONS, augmented, perturb, without_marks
from nghiquyet_training.robustness import robustness, robustness_table
from tests.texts import messy


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_the_gold_moves_along(name: str, gold: list[Document]) -> None:
    changed = [perturb(document, PERTURBATIONS[name]) for document in gold]
    assert [len(d.entities) for d in changed] == [len(d.entities) for d in gold]
    assert any(c.text != d.text for c, d in zip(changed, gold, strict=True))
    assert [perturb(document, PERTURBATIONS[name]) for document in gold] == changed  # always the same way


def test_examples() -> None:
    text = "Bí thư Huyện ủy, “Hòa Bình”: Phan"
    document = Document("a", text, (Entity.of(text, 7, 15, "ORG"), Entity.of(text, 18, 26, "ORG")))

    def after(name: str) -> tuple[str, list[str]]:
        changed = perturb(document, PERTURBATIONS[name])
        return changed.text, [e.text for e in changed.entities]

    assert after("UPPER CASE") == ("BÍ THƯ HUYỆN ỦY, “HÒA BÌNH”: PHAN", ["HUYỆN ỦY", "HÒA BÌNH"])
    assert after("no diacritics") == ("Bi thu Huyen uy, “Hoa Binh”: Phan", ["Huyen uy", "Hoa Binh"])
    assert after("tone marks in the old place")[1] == ["Huyện uỷ", "Hoà Bình"]
    assert after("ASCII quotes and dashes")[0] == 'Bí thư Huyện ủy, "Hòa Bình": Phan'
    assert after("no space after punctuation")[0] == text  # only between words
    assert after("doubled spaces")[1] == ["Huyện  ủy", "Hòa  Bình"]
    decomposed = after("decomposed accents (NFD)")
    assert decomposed[0] == unicodedata.normalize("NFD", text)
    assert decomposed[1] == [unicodedata.normalize("NFD", e.text) for e in document.entities]
    assert without_marks("Đ") == "D"


@settings(max_examples=100, deadline=None)
@given(messy, st.sampled_from(sorted(PERTURBATIONS)), st.integers(0, 10**6))
def test_any_text_and_any_span_survive(text: str, name: str, seed: int) -> None:
    draw = random.Random(seed)
    edges = sorted(draw.sample(range(len(text) + 1), min(4, len(text) + 1)))
    spans = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if text[a:b].strip()]
    entities = tuple(Entity.of(text, *span, "ORG") for span in spans)
    changed = perturb(Document("a", text, entities), PERTURBATIONS[name])  # Document itself checks its spans
    assert len(changed.entities) == len(entities)


def test_copies_for_training_are_perturbed_and_keep_their_gold(gold: list[Document]) -> None:
    copies = augmented(gold, 2, seed=0)
    assert len(copies) == 2 * len(gold)
    assert len({d.id for d in copies}) == len(copies)
    assert not {d.text for d in copies} & {d.text for d in gold}
    assert [len(d.entities) for d in copies[::2]] == [len(d.entities) for d in gold]
    assert augmented(gold, 2, seed=0) == copies != augmented(gold, 2, seed=1)
    assert len(augmented(gold, 99, seed=0)) == 4 * len(gold)


def test_spelling_that_is_normalised_changes_nothing(predictor: Predictor, gold: list[Document]) -> None:
    rows = dict(robustness(predictor, gold))
    assert rows.keys() == PERTURBATIONS.keys()
    for name in ("decomposed accents (NFD)", "tone marks in the old place", "tone marks in the new place"):
        assert rows[name].difference == 0, name
    assert robustness_table(list(rows.items()), "all").row_count == len(PERTURBATIONS) + 1
