"""A linear-chain conditional random field with plain features: the baseline, and the first teacher of silver labels."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pycrfsuite

from nghiquyet.decode import Decoder, Floats, entities
from nghiquyet.documents import Document
from nghiquyet.encode import Encoded, Encoder
from nghiquyet.labels import LABELS
from nghiquyet_training.data import IGNORED, word_tags

REACH = 3  # words on either side that a word's features look at
OPTIONS = {"c1": 0.05, "c2": 0.05, "max_iterations": 120, "feature.possible_transitions": True}
TINY = 1e-6  # in place of a probability of 0, whose logarithm is no number


def shape(word: str) -> str:
    """`Thanh` -> Xx, `UBND` -> X, `17.792` -> 9.9, `06-ĐA/TU` -> 9-X/X: runs of one kind of sign count once."""
    kinds = ["X" if c.isupper() else "x" if c.isalpha() else "9" if c.isdigit() else c for c in word]
    return "".join(kind for i, kind in enumerate(kinds) if i == 0 or kind != kinds[i - 1])


def features(words: Sequence[str]) -> list[list[str]]:
    """The features of each word of a line: itself, its shape and its edges, those of its neighbours, and pairs."""
    padded = ["<s>"] * REACH + [word.lower() for word in words] + ["</s>"] * REACH
    shapes = ["<s>"] * REACH + [shape(word) for word in words] + ["</s>"] * REACH
    return [_features(word, i + REACH, padded, shapes) for i, word in enumerate(words)]


def _features(word: str, at: int, words: Sequence[str], shapes: Sequence[str]) -> list[str]:
    found = ["bias", f"word={word}", f"head={words[at][:2]}", f"tail={words[at][-2:]}"]
    for k in range(-REACH, REACH + 1):
        found.append(f"{k}:{words[at + k]}")
        found.append(f"{k}s:{shapes[at + k]}")
    for k in range(-2, 2):
        found.append(f"{k}2:{words[at + k]}|{words[at + k + 1]}")
        found.append(f"{k}2s:{shapes[at + k]}|{shapes[at + k + 1]}")
    found.append(f"3:{words[at - 1]}|{words[at]}|{words[at + 1]}")
    found.append(f"3s:{'|'.join(shapes[at - 1 : at + 2])}")
    return found


def line_words(source: str, encoded: Encoded) -> list[list[str]]:
    """The words of each line as they stand in the source; `?` for half a surrogate pair: crfsuite takes UTF-8."""
    words = [source[start:end].encode("utf-8", "replace").decode("utf-8") for start, end in encoded.spans]
    return [words[first:last] for first, last in encoded.lines]


def train_crf(documents: Sequence[Document], encoder: Encoder, path: Path) -> int:
    """Trains on the lines of `documents` and writes the model to `path`; returns the number of lines.

    A line with a word that cannot be tagged is left out.
    """
    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params(OPTIONS)
    lines = 0
    for document in documents:
        encoded = encoder.encode(document.text)
        tags = word_tags(encoded, document, "ignore")
        for words, (first, last) in zip(line_words(document.text, encoded), encoded.lines, strict=True):
            if IGNORED not in tags[first:last]:
                trainer.append(features(words), [LABELS.tags[tag] for tag in tags[first:last]])
                lines += 1
    trainer.train(str(path))
    return lines


class CrfTagger:
    """Tags documents with a trained model."""

    def __init__(self, path: Path, encoder: Encoder) -> None:
        self.encoder = encoder
        self._tagger = pycrfsuite.Tagger()
        self._tagger.open(str(path))
        self._decoder = Decoder()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._tagger.close()

    def predict(self, document: Document) -> Document:
        """The document with the entities of the likeliest tags of each line."""
        encoded = self.encoder.encode(document.text)
        log_probs = np.full((len(encoded), len(LABELS.tags)), np.log(TINY), dtype=np.float32)
        for words, (first, _) in zip(line_words(document.text, encoded), encoded.lines, strict=True):
            for i, tag in enumerate(self._tagger.tag(features(words))):
                log_probs[first + i, LABELS.label2id[tag]] = 0.0
        spans = self._decoder.decode(log_probs, encoded.lines)
        return Document(document.id, document.text, entities(document.text, encoded, spans))

    def word_probabilities(self, source: str, encoded: Encoded) -> Floats:
        """(words, L): the marginal probability of each tag, for one text."""
        rows: list[list[float]] = []
        known = set(self._tagger.labels())
        for words in line_words(source, encoded):
            self._tagger.set(features(words))
            rows += [
                [self._tagger.marginal(tag, i) if tag in known else 0.0 for tag in LABELS.tags]
                for i in range(len(words))
            ]
        return np.array(rows, dtype=np.float32).reshape(len(encoded), len(LABELS.tags))


def crf_documents(train: Sequence[Document], texts: Sequence[Document], encoder: Encoder) -> list[Document]:
    """`texts` as a model trained on `train` tags them."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "crf"
        train_crf(train, encoder, path)
        with CrfTagger(path, encoder) as tagger:
            return [tagger.predict(document) for document in texts]
