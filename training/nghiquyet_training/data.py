"""Gold documents: which are trained on, which choose, which test; and their words as tagged windows."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from nghiquyet.bpe import PAD_ID
from nghiquyet.decode import Floats
from nghiquyet.documents import Document, Entity
from nghiquyet.encode import Encoded, Encoder
from nghiquyet.errors import AnnotationError, ConfigError
from nghiquyet.label_studio import read_documents
from nghiquyet.labels import LABELS, OUTSIDE
from nghiquyet.splits import tenth
from nghiquyet.windows import make_windows
from nghiquyet_training.config import DataConfig
from nghiquyet_training.settings import expand

IGNORED = -100  # the tag of a word that is left out of the loss
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Splits:
    """Documents by what they are for. `test` holds the test tenths and the test exports under their names."""

    train: list[Document]
    dev: list[Document] = field(default_factory=list)
    test: dict[str, list[Document]] = field(default_factory=dict)


def load_splits(config: DataConfig) -> Splits:
    """Reads the exports of `config`; a document that would be in two parts is an error."""
    if both := set(config.dev_tenths) & set(config.test_tenths):
        raise ConfigError(f"data: the tenths {sorted(both)} are in dev_tenths and in test_tenths; give each to one")
    parted = read_documents(expand(path) for path in config.split)
    held_out = {*config.dev_tenths, *config.test_tenths}
    train = read_documents(expand(path) for path in config.train)
    train += [d for d in parted if tenth(d.id) not in held_out]
    dev = [d for d in parted if tenth(d.id) in config.dev_tenths]
    test = {"test tenth": [d for d in parted if tenth(d.id) in config.test_tenths]} if parted else {}
    for path in config.test:
        name = expand(path).stem
        if name in test or name == "development":
            raise ConfigError(
                f"data.test: {name!r} is the name of other results too; results are filed by name, rename it"
            )
        test[name] = read_documents([expand(path)])
    _check_disjoint([train, dev, *test.values()])
    if not train:
        raise ConfigError("no documents to train on: name exports under data.train or data.split")
    return Splits(train, dev, {name: documents for name, documents in test.items() if documents})


def _check_disjoint(parts: Sequence[Sequence[Document]]) -> None:
    """No document, by its id or by its text, may stand twice."""
    seen: set[str] = set()
    for document in (d for part in parts for d in part):
        if document.text in seen or document.id in seen:
            raise ConfigError(f"document {document.id} stands twice in the data; a held-out text must be unseen")
        seen |= {document.text, document.id}


def word_tags(encoded: Encoded, document: Document, unwritable: str = "error") -> list[int]:
    """One tag id a word. A span that is not made of whole words of one line cannot be written as tags.

    `unwritable`: `error` raises AnnotationError; `mask` logs it and gives its words IGNORED; `ignore` does so silently.
    """
    tags = [LABELS.label2id[OUTSIDE]] * len(encoded)
    starts = {start: i for i, (start, _) in enumerate(encoded.spans)}
    ends = {end: i for i, (_, end) in enumerate(encoded.spans)}
    line_of = [number for number, (first, last) in enumerate(encoded.lines) for _ in range(first, last)]
    for entity in document.entities:
        first, last = starts.get(entity.start), ends.get(entity.end)
        if first is not None and last is not None and line_of[first] == line_of[last]:
            tags[first : last + 1] = [LABELS.begin(entity.label)] + [LABELS.inside(entity.label)] * (last - first)
            continue
        if unwritable != "ignore":
            _report(document, entity, unwritable)
        for i, (start, end) in enumerate(encoded.spans):
            if start < entity.end and end > entity.start:
                tags[i] = IGNORED
    return tags


def _report(document: Document, entity: Entity, unwritable: str) -> None:
    around = document.text[max(0, entity.start - 15) : entity.end + 15]
    message = (
        f"document {document.id}: {entity.label} {entity.text!r} at {entity.start} begins or ends inside a word, "
        f"or crosses a line (…{around!r}…)"
    )
    if unwritable == "error":
        raise AnnotationError(f"{message}; correct the span, or set data.unwritable to 'mask' to leave its words out")
    log.warning("%s; its words are left out of the loss", message)


def tagged_windows(
    documents: Iterable[Document], encoder: Encoder, max_pieces: int, unwritable: str = "error", repeats: int = 1
) -> Dataset:
    """The windows of `documents`, as in use; a word's target is its gold tag. Each window stands `repeats` times."""
    rows = _Rows()
    for document in documents:
        encoded = encoder.encode(document.text)
        targets = one_hot(word_tags(encoded, document, unwritable))
        for _ in range(repeats):
            rows.add(encoded, targets, max_pieces)
    return rows.dataset()


def silver_windows(texts: Iterable[tuple[str, Floats]], encoder: Encoder, max_pieces: int) -> Dataset:
    """The windows of texts whose words carry tag probabilities (words, L), as teachers give them; without overlap."""
    rows = _Rows()
    for text, probabilities in texts:
        encoded = encoder.encode(text)
        if len(encoded) != len(probabilities):
            raise ConfigError(
                f"silver data: a text has {len(encoded)} words here and {len(probabilities)} where it was labelled; "
                "label it again with teachers that cut words as this encoder does"
            )
        rows.add(encoded, probabilities, max_pieces, overlap=0)
    return rows.dataset()


def one_hot(tags: Sequence[int]) -> Floats:
    """(words, L): all on the gold tag; a row of zeros where the tag is IGNORED."""
    targets = np.zeros((len(tags), len(LABELS.tags)), dtype=np.float32)
    for row, tag in zip(targets, tags, strict=True):
        if tag != IGNORED:
            row[tag] = 1.0
    return targets


class _Rows:
    """Windows as a dataset holds them: `input_ids` (T,), and `targets`, (T, L) in a row of T * L."""

    def __init__(self) -> None:
        self.ids: list[list[int]] = []
        self.targets: list[Floats] = []

    def add(self, encoded: Encoded, word_targets: Floats, max_pieces: int, overlap: int | None = None) -> None:
        for window in make_windows(encoded, max_pieces, overlap):
            targets = np.zeros((len(window.ids), len(LABELS.tags)), dtype=np.float32)
            targets[window.heads] = word_targets[window.first : window.last]
            self.ids.append(window.ids)
            self.targets.append(targets.ravel())

    def dataset(self) -> Dataset:
        return Dataset.from_dict({"input_ids": self.ids, "targets": self.targets})


def collate(rows: Sequence[dict[str, list[Any]]]) -> dict[str, Tensor]:
    """Pads a batch to its longest window: `input_ids`, `attention_mask` (B, T) int64, `labels` (B, T, L) float32.

    `labels` are probabilities; a row of zeros (padding, the later pieces of a word) counts for nothing in the loss.
    """
    width = max(len(row["input_ids"]) for row in rows)
    ids = torch.full((len(rows), width), PAD_ID)
    labels = torch.zeros((len(rows), width, len(LABELS.tags)))
    for i, row in enumerate(rows):
        size = len(row["input_ids"])
        ids[i, :size] = torch.tensor(row["input_ids"])
        labels[i, :size] = torch.tensor(row["targets"]).view(size, -1)
    return {"input_ids": ids, "attention_mask": (ids != PAD_ID).long(), "labels": labels}
