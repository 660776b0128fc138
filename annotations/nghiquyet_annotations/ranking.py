"""Which documents to annotate next: those that the model is least sure of and that are least like the others."""

import re
import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

BUCKETS = 4096  # of the hashed words
_WORD = re.compile(r"\w+")


def rank(texts: Sequence[str], confidences: Sequence[float], annotated: Sequence[str] = ()) -> list[int]:
    """The indices of `texts` in the order in which to annotate them.

    Each next document has the highest product of uncertainty (its rank by `confidences`, from 1 for the least sure
    down to 1/n) and diversity (1 - cosine similarity of word counts, weighted by TF-IDF, to the most similar of
    `annotated` and of those chosen before): information density of Settles & Craven 2008 with distance from what is
    chosen in place of density. Time and memory are n * BUCKETS for a choice.
    """
    if not texts:
        return []
    vectors = tf_idf([*texts, *annotated])
    own, others = vectors[: len(texts)], vectors[len(texts) :]
    nearest = (own @ others.T).max(axis=1) if len(others) else np.zeros(len(own), dtype=np.float32)
    uncertainty = _by_rank(confidences)
    order: list[int] = []
    left = np.ones(len(own), dtype=bool)
    while left.any():
        chosen = int(np.argmax(np.where(left, uncertainty * (1.0 - nearest), -1.0)))
        order.append(chosen)
        left[chosen] = False
        nearest = np.maximum(nearest, own @ own[chosen])
    return order


def tf_idf(texts: Sequence[str]) -> Matrix:
    """Rows of length 1, (texts, BUCKETS): word counts under logarithm, times inverse document frequency."""
    counts = np.zeros((len(texts), BUCKETS), dtype=np.float32)
    for row, text in zip(counts, texts, strict=True):
        for word, n in Counter(_WORD.findall(text.casefold())).items():
            row[_bucket(word)] += n
    frequency = (counts > 0).sum(axis=0)
    weighted = np.log1p(counts) * np.log((1 + len(texts)) / (1 + frequency) + 1.0).astype(np.float32)
    lengths = np.linalg.norm(weighted, axis=1, keepdims=True)
    unit: Matrix = weighted / np.maximum(lengths, 1e-9)
    return unit


def _bucket(word: str) -> int:
    """The same on every machine and run, as `hash` is not."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) % BUCKETS


def _by_rank(confidences: Sequence[float]) -> Matrix:
    """1 for the least confidence, falling by 1/n: only the order counts, for scores of a model lie close together."""
    places = np.argsort(np.argsort(np.asarray(confidences), kind="stable"), kind="stable")
    uncertainty: Matrix = (1.0 - places / len(places)).astype(np.float32)
    return uncertainty
