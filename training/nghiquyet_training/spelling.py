"""Pieces that are spelt alike share a part of their embedding while an encoder is pretrained.

A piece's embedding is the sum of its own vector, one of its shape (`Xx`, `x`, `X`, `9`, ...), and one that it shares
with all pieces of the same letters (`Nhân`, `nhân`). Rare pieces so learn from frequent ones: after 63 million pieces
a linear probe told capitals from small letters in 96% of the frequent pieces and in 70% of the rarest quarter, though
names are made of rare capitals. The sum is what is saved: the encoder is a plain RoBERTa.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from nghiquyet.bpe import UNK_ID

SHAPES = ("other", "lower", "title", "upper", "one capital", "number")
CAPITAL = 1.0  # length of the vector that parts capitals from small letters at the start; embeddings have 1.6


def shape(piece: str) -> int:
    """The index in SHAPES of a piece; a mark that the word goes on (`@@`) does not count."""
    letters = piece.removesuffix("@@")
    if letters[:1].isdigit():
        return SHAPES.index("number")
    if not letters.isalpha():
        return SHAPES.index("other")
    if letters.islower() or not letters[0].isupper():
        return SHAPES.index("lower")
    if len(letters) == 1:
        return SHAPES.index("one capital")
    return SHAPES.index("upper") if letters.isupper() else SHAPES.index("title")


class SharedSpelling(torch.nn.Module):
    """A parametrization of an embedding matrix (V, width): what a piece has for itself plus what it shares."""

    def __init__(self, pieces: Sequence[str], size: int, width: int) -> None:
        """`pieces`: the vocabulary from id 4 on; `size`: rows of the matrix, control tokens included."""
        super().__init__()
        groups = {letters: i for i, letters in enumerate(dict.fromkeys(map(str.lower, pieces)), start=1)}
        self.shapes: Tensor
        self.groups: Tensor
        self.register_buffer("shapes", _rows([shape(piece) for piece in pieces], size), persistent=False)
        self.register_buffer("groups", _rows([groups[piece.lower()] for piece in pieces], size), persistent=False)
        self.shape_vectors = torch.nn.Parameter(torch.zeros(len(SHAPES), width))
        self.group_vectors = torch.nn.Parameter(torch.zeros(len(groups) + 1, width))

    def forward(self, own: Tensor) -> Tensor:
        return own + self.shape_vectors[self.shapes] + self.group_vectors[self.groups]

    def right_inverse(self, whole: Tensor) -> Tensor:
        """What stays for a piece itself: all, as nothing is shared yet."""
        return whole


def _rows(values: list[int], size: int) -> Tensor:
    rows = torch.zeros(size, dtype=torch.long)
    rows[UNK_ID + 1 : UNK_ID + 1 + len(values)] = torch.tensor(values)
    return rows


def share_spelling(embedding: torch.nn.Embedding, pieces: Sequence[str]) -> None:
    """Parametrizes `embedding.weight`, and parts capitals from small letters more than they are."""
    shared = SharedSpelling(pieces, embedding.num_embeddings, embedding.embedding_dim)
    with torch.no_grad():
        shared.shape_vectors.copy_(CAPITAL * _directions(embedding.weight, pieces))
    parametrize.register_parametrization(embedding, "weight", shared)


@torch.no_grad()
def part_capitals(embedding: torch.nn.Embedding, pieces: Sequence[str], length: float) -> None:
    """Adds a vector of its shape, of that length, to each piece: for an encoder that did not share spelling."""
    shapes = _rows([shape(piece) for piece in pieces], embedding.num_embeddings)
    embedding.weight += length * _directions(embedding.weight, pieces)[shapes]


def _directions(weight: Tensor, pieces: Sequence[str]) -> Tensor:
    """(shapes, width), of length 1: along the mean way from a small to a capital spelling; rarer shapes have their own.

    Small letters and signs have none.
    """
    ids = {piece: i for i, piece in enumerate(pieces, start=UNK_ID + 1)}
    pairs = [(i, ids[p.lower()]) for p, i in ids.items() if shape(p) == SHAPES.index("title") and p.lower() in ids]
    upper, lower = (torch.tensor(side, dtype=torch.long) for side in zip(*pairs, strict=True)) if pairs else ((), ())
    capital = (weight[upper] - weight[lower]).mean(dim=0) if pairs else torch.zeros(weight.shape[1])
    basis = [capital] + [torch.randn(weight.shape[1]) for _ in range(3)]
    title, whole, single, number = torch.linalg.qr(torch.stack(basis, dim=1))[0].T
    title = title * torch.sign(torch.dot(title, capital) + 1e-9)
    vectors = torch.zeros(len(SHAPES), weight.shape[1])
    vectors[SHAPES.index("title")] = title
    vectors[SHAPES.index("upper")] = (title + whole) / 2**0.5
    vectors[SHAPES.index("one capital")] = (title + single) / 2**0.5
    vectors[SHAPES.index("number")] = number
    return vectors


def read_pieces(vocabulary: Path) -> list[str]:
    """The pieces of a `vocab.txt`, in the order of their ids."""
    lines = vocabulary.read_bytes().decode("utf-8").split("\n")
    return [line.rsplit(" ", 1)[0] for line in lines if line.strip()]
