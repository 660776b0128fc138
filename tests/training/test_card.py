"""The card says what the manifest holds, and no more."""

from dataclasses import replace

from nghiquyet.artefact import Manifest, OperatingPoint
from nghiquyet.documents import Document, Entity
from nghiquyet.labels import LABELS
from nghiquyet_training.card import model_card
from nghiquyet_training.failures import failure_examples

BARE = Manifest("m", LABELS.tags, "syllable", "1", 128, files={"model.onnx": "ab" * 32}, licence="mit")


def test_a_bare_manifest_claims_nothing() -> None:
    card = model_card(BARE)
    assert "## Figures" not in card
    assert "## Where it fails" not in card
    assert "not calibrated" in card
    assert "license: mit" in card
    assert "abababababababab" in card


def test_what_is_recorded_is_shown() -> None:
    points = [OperatingPoint(i / 100, 0.8 + i / 1000, 0.9 - i / 1000) for i in range(100)]
    full = replace(
        BARE,
        temperature=1.7,
        operating_points=points,
        failures={"the five articles": ["missed: gold ORG `Huyện ủy`"]},
        footprint={"fine-tuning": "100 seconds"},
    )
    card = model_card(full)
    assert "temperature 1.70" in card
    assert "| 0.5 | 0.850 | 0.850 |" in card
    assert "On the five articles, some of each kind:" in card
    assert "- missed: gold ORG `Huyện ủy`" in card
    assert "- fine-tuning: 100 seconds" in card


def test_an_export_that_was_scored_on_nothing_tells_its_parity() -> None:
    card = model_card(replace(BARE, metrics={"parity of int8 with the checkpoint": {"equal_labels": 0.9987}}))
    assert "- parity of int8 with the checkpoint: equal_labels 0.9987" in card


def document(text: str, *spans: tuple[int, int, str]) -> Document:
    return Document("d", text, tuple(Entity.of(text, *span) for span in spans))


def test_failures_show_the_place_and_take_turns() -> None:
    text = "Bí thư Huyện ủy Thanh\nBùi Hoàng Phan `nói` 7 lần, 8 lần, 9 lần"
    gold = document(text, (7, 15, "ORG"), (22, 36, "PERSON"), (43, 48, "METRIC"), (50, 55, "METRIC"))
    found = document(text, (7, 21, "ORG"))
    lines = failure_examples([gold], [found], 3)
    assert lines[0].startswith("missed: gold METRIC `7 lần`; in `…")
    assert lines[1].startswith("missed: gold PERSON `Bùi Hoàng Phan`")
    assert lines[2].startswith("wrong boundary: gold ORG `Huyện ủy`; found ORG `Huyện ủy Thanh`; in `… Bí thư Huyện")
    assert all("\n" not in line and line.count("`") % 2 == 0 for line in lines)
    assert len(failure_examples([gold], [found], 99)) == 4
    assert failure_examples([gold], [gold], 9) == []
