"""How tags follow each other in gold, for decoding: what a word-wise classifier cannot know."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from nghiquyet.chain import OUTSIDE_ID
from nghiquyet.decode import Decoder
from nghiquyet.documents import Document
from nghiquyet.encode import Encoder
from nghiquyet.labels import LABELS
from nghiquyet_training.data import IGNORED, word_tags


def count_transitions(documents: Sequence[Document], encoder: Encoder, weight: float) -> list[list[float]]:
    """(L, L): `weight` times the logarithm of p(column after row) / p(column), counted with one added to each pair.

    The classifier has seen each tag as often as the training data has it, so only what the pair adds is told. The
    weight is below 1, as the classifier reads the neighbours too. A line begins and ends as beside a word outside.
    """
    pairs = np.ones((len(LABELS.tags),) * 2)
    for document in documents:
        encoded = encoder.encode(document.text)
        tags = word_tags(encoded, document, "ignore")
        for first, last in encoded.lines:
            line = [OUTSIDE_ID, *tags[first:last], OUTSIDE_ID]
            for before, tag in pairwise(line):
                if IGNORED not in (before, tag):
                    pairs[before, tag] += 1
    after = pairs / pairs.sum(axis=1, keepdims=True)
    alone = pairs.sum(axis=0) / pairs.sum()
    logarithms = np.where(Decoder().legal, weight * np.log(after / alone), 0.0)
    return [[round(float(value), 4) for value in row] for row in logarithms]
