"""Copies that cite other documents: gold stays exact, and what is cited is what the guideline calls a RESOLUTION."""

import random

from nghiquyet.documents import Document, Entity
from nghiquyet_training.mentions import LABEL, STATUTES, make_mention, with_other_mentions
from nghiquyet_training.rules import resolutions


def test_every_citation_is_replaced_and_nothing_else(gold: list[Document]) -> None:
    copies = with_other_mentions(gold, 2, seed=0)
    citing = [d for d in gold if any(e.label == LABEL for e in d.entities)]
    assert len(copies) == 2 * len(citing) > 0
    for copy, document in zip(copies, citing * 2, strict=True):
        assert [e.label for e in copy.entities] == [e.label for e in document.entities]
        others = [[e.text for e in d.entities if e.label != LABEL] for d in (copy, document)]
        assert others[0] == others[1]
    assert len({d.id for d in copies}) == len(copies)
    assert with_other_mentions(gold, 2, seed=0) == copies != with_other_mentions(gold, 2, seed=1)


def test_a_second_number_behind_one_head_stays() -> None:
    text = "Nghị định 29 và 178 của Chính phủ"
    spans = (Entity.of(text, 0, 12, LABEL), Entity.of(text, 16, 19, LABEL))
    (copy,) = with_other_mentions([Document("a", text, spans)], 1, seed=0)
    assert copy.entities[1].text == "178"
    assert copy.entities[0].text != "Nghị định 29"


def test_the_rules_find_what_the_grammar_writes() -> None:
    draw = random.Random(0)
    made = [make_mention(draw) for _ in range(500)]
    assert len(set(made)) > 300
    numbered = [m for m in made if any(c.isdigit() for c in m)]
    found = [m for m in numbered if list(resolutions(f"theo {m} về")) == [(5, 5 + len(m))]]
    assert len(found) > 0.8 * len(numbered)  # a bare number behind `Kế hoạch` is no citation to the rules


def test_a_law_is_replaced_by_a_law_and_a_resolution_by_none() -> None:
    text = "theo Luật Đất đai và Nghị quyết 15 của Bộ Chính trị"
    spans = (Entity.of(text, 5, 17, LABEL), Entity.of(text, 21, 34, LABEL))
    assert text[5:17] == "Luật Đất đai"
    for copy in with_other_mentions([Document("a", text, spans)], 50, seed=0):
        law, resolution = (entity.text.lower() for entity in copy.entities)
        assert law.startswith(STATUTES)
        assert not resolution.startswith(STATUTES)
