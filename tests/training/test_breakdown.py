"""Buckets add up to the whole, and hold what they say."""

from nghiquyet import Predictor
from nghiquyet.documents import Document, Entity
from nghiquyet.scoring import Counts, pair, total
from nghiquyet_training.breakdown import breakdowns
from nghiquyet_training.trainer import predict_documents


def test_every_breakdown_adds_up_to_the_whole(predictor: Predictor, gold: list[Document]) -> None:
    predicted = predict_documents(predictor, gold)
    whole = total(pair(gold, predicted))
    found = breakdowns(gold, predicted, gold[:2])
    assert [b.name for b in found] == ["memory", "length", "position", "density"]
    for each in found:
        assert sum((s.counts for s in each.scores.values()), Counts()) == whole, each.name
    assert [b.name for b in breakdowns(gold, predicted)] == ["length", "position", "density"]


def document(text: str, *surfaces: str) -> Document:
    starts = [text.index(s) for s in surfaces]
    return Document(
        "d", text, tuple(Entity.of(text, i, i + len(s), "ORG") for i, s in zip(starts, surfaces, strict=True))
    )


def test_seen_is_by_text_and_label_whatever_the_case() -> None:
    text = "Huyện ủy Thanh Oai và Thị ủy"
    gold = document(text, "Huyện ủy Thanh Oai", "Thị ủy")
    train = document("HUYỆN  ỦY THANH OAI", "HUYỆN  ỦY THANH OAI")
    memory = breakdowns([gold], [gold], [train])[0].scores
    assert {name: s.counts.gold for name, s in memory.items()} == {"seen": 1, "unseen": 1}
    length = breakdowns([gold], [gold])[0].scores
    assert {name: s.counts.gold for name, s in length.items()} == {"1": 0, "2-3": 1, "4-6": 1, "7 and more": 0}
