"""Splits that never change, and tags that never lie."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from nghiquyet.documents import Document, Entity
from nghiquyet.encode import Encoder
from nghiquyet.errors import AnnotationError, ConfigError
from nghiquyet.labels import LABELS
from nghiquyet.splits import tenth
from nghiquyet.windows import make_windows
from nghiquyet_training.config import DataConfig
from nghiquyet_training.data import (
    IGNORED,
    collate,
    load_splits,
    silver_windows,
    tagged_windows,
    word_tags,
)
from nghiquyet_training.losses import smoothed, soft_cross_entropy
from tests.conftest import GOLD


def document(text: str, *spans: tuple[str, str]) -> Document:
    entities = tuple(
        Entity.of(text, text.index(surface), text.index(surface) + len(surface), label) for surface, label in spans
    )
    return Document("d", text, entities)


def test_tags_are_bio(encoder: Encoder) -> None:
    gold = document("Bí thư Thị ủy Phúc Yên Hoàng Nga", ("Thị ủy Phúc Yên", "ORG"), ("Hoàng Nga", "PERSON"))
    names = [LABELS.tags[tag] for tag in word_tags(encoder.encode(gold.text), gold)]
    assert names == ["O", "O", "B-ORG", "I-ORG", "I-ORG", "I-ORG", "B-PERSON", "I-PERSON"]


def test_a_span_inside_a_word_is_an_error_that_names_it(encoder: Encoder) -> None:
    gold = document("ông Gônký tên", ("Gôn", "PERSON"))
    with pytest.raises(
        AnnotationError, match=r"document d: PERSON 'Gôn' at 4 begins or ends inside a word, or crosses a line"
    ):
        word_tags(encoder.encode(gold.text), gold)


def test_masked_it_is_ignored_and_never_outside(encoder: Encoder, caplog: pytest.LogCaptureFixture) -> None:
    gold = document("ông Gônký tên", ("Gôn", "PERSON"))
    assert word_tags(encoder.encode(gold.text), gold, "mask") == [0, IGNORED, 0]
    assert "'Gôn' at 4" in caplog.text


def test_tags_decode_to_the_gold(encoder: Encoder, gold: list[Document]) -> None:
    for each in gold:
        encoded = encoder.encode(each.text)
        tags, found = word_tags(encoded, each), []
        for i, tag in enumerate(tags):
            name = LABELS.tags[tag]
            if name.startswith("B-"):
                found.append([encoded.spans[i][0], encoded.spans[i][1], name[2:]])
            elif name.startswith("I-"):
                found[-1][1] = encoded.spans[i][1]
        assert [tuple(f) for f in found] == [e.key for e in each.entities]


def test_windows_carry_one_target_a_word(encoder: Encoder, gold: list[Document]) -> None:
    rows = tagged_windows(gold, encoder, 64)
    tags = len(LABELS.tags)
    assert all(len(row["input_ids"]) * tags == len(row["targets"]) <= 64 * tags for row in rows)
    batch = collate([rows[0], rows[1]])
    assert batch["labels"].shape == (*batch["input_ids"].shape, tags)
    assert batch["input_ids"].shape == batch["attention_mask"].shape
    assert not batch["labels"][batch["attention_mask"] == 0].any()
    words = batch["labels"].sum(dim=-1)
    heads = sum(len(window.heads) for window in make_windows(encoder.encode(gold[0].text), 64)[:2])
    assert set(words.unique().tolist()) == {0.0, 1.0}
    assert int(words.sum()) == heads
    assert len(tagged_windows(gold, encoder, 64, repeats=3)) == 3 * len(rows)


def test_the_loss_is_cross_entropy_over_the_words_that_count(encoder: Encoder, gold: list[Document]) -> None:
    windows = tagged_windows(gold, encoder, 64)
    batch = collate([windows[0], windows[1]])
    logits = torch.randn(batch["labels"].shape, generator=torch.Generator().manual_seed(0))
    tags = torch.where(batch["labels"].any(dim=-1), batch["labels"].argmax(dim=-1), IGNORED)
    for smoothing in (0.0, 0.1):
        plain = cross_entropy(logits.flatten(0, 1), tags.flatten(), ignore_index=IGNORED, label_smoothing=smoothing)
        assert soft_cross_entropy(logits, smoothed(batch["labels"], smoothing)).item() == pytest.approx(
            plain.item(), rel=1e-5
        )


def test_silver_windows_carry_the_teachers_probabilities(encoder: Encoder, gold: list[Document]) -> None:
    encoded = encoder.encode(gold[0].text)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(9), len(encoded)).astype(np.float32)
    row = silver_windows([(gold[0].text, probabilities)], encoder, 64)[0]
    head = make_windows(encoded, 64)[0].heads[3]
    assert row["targets"][9 * head : 9 * head + 9] == pytest.approx(probabilities[3].tolist())
    with pytest.raises(ConfigError, match="label it again"):
        silver_windows([(gold[0].text, probabilities[1:])], encoder, 64)


def test_tenths_depend_on_the_id_alone_and_are_even() -> None:
    assert tenth("a1bd382197c88286") == tenth("a1bd382197c88286")
    counts = [sum(tenth(f"{i:016x}") == t for i in range(5000)) for t in range(10)]
    assert min(counts) > 400


def test_the_parts_do_not_share_a_document(extra_export: Path) -> None:
    splits = load_splits(DataConfig(train=[str(GOLD)], split=[str(extra_export)]))
    assert len(splits.train) + len(splits.dev) + len(splits.test["test tenth"]) == 482
    assert 30 < len(splits.dev) < 65
    assert all(tenth(d.id) == 9 for d in splits.dev)


def test_the_same_text_in_two_parts_is_refused() -> None:
    with pytest.raises(ConfigError, match="stands twice"):
        load_splits(DataConfig(train=[str(GOLD)], test=[str(GOLD)]))


def test_a_tenth_cannot_be_for_both() -> None:
    with pytest.raises(ConfigError, match=r"\[9\] are in dev_tenths and in test_tenths"):
        load_splits(DataConfig(train=[str(GOLD)], dev_tenths=[9], test_tenths=[9]))


def test_nothing_to_train_on_is_told(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(json.dumps([]), encoding="utf-8")
    with pytest.raises(ConfigError, match="no documents to train on"):
        load_splits(DataConfig(train=[str(tmp_path / "e.json")]))


def test_a_span_across_a_line_end_cannot_be_written(encoder: Encoder) -> None:
    gold = document("ở Thị ủy\nPhúc Yên", ("Thị ủy\nPhúc Yên", "ORG"))
    with pytest.raises(AnnotationError, match="crosses a line"):
        word_tags(encoder.encode(gold.text), gold)


def test_two_test_exports_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError, match="'t' is the name of other results"):
        load_splits(DataConfig(train=[str(GOLD)], test=[str(tmp_path / n / "t.json") for n in "ab"]))
