"""Starts some attention heads off as eyes on the neighbours, so that a narrow encoder need not find them by itself.

With the usual start (all weights normal, deviation 0.02) the scores of a narrow encoder's heads are nearly equal, every
head averages over the whole block, and the loss stands still for millions of pieces: position is learnt last. Here
positions start as sinusoids (Vaswani et al. 2017), in which a shift is a rotation, and the query and key weights of a
few heads are set to that rotation: head h of layer l then looks at the piece `OFFSETS[l][h]` places on. Everything
stays a weight like any other and is trained on.
"""

import math
from typing import Any

import torch
from torch import Tensor
from transformers import RobertaForMaskedLM

OFFSETS: dict[int, dict[int, int]] = {0: {0: -1, 2: 1}, 1: {0: -2, 1: -1, 2: 1, 3: 2}}
POSITION_SCALE = 0.06  # root mean square of the sinusoids: a little above that of trained piece embeddings
GAIN = 2.0  # of the rotation: some 40% of a head's attention is on its neighbour at the start
FADE = 0.3  # what is left of the weights that were there before
FASTEST, SLOWEST = 2.0, 0.01  # radians a place


@torch.no_grad()
def add_local_heads(model: RobertaForMaskedLM) -> None:
    """Sets the position embeddings and the heads in OFFSETS, as far as the model has them; needs two heads at least."""
    width = model.config.hidden_size
    rates = torch.logspace(math.log10(FASTEST), math.log10(SLOWEST), width // 2)
    positions = model.roberta.embeddings.position_embeddings.weight
    positions.copy_(sinusoids(len(positions), rates) * POSITION_SCALE * 2**0.5)
    head_width = width // model.config.num_attention_heads
    layers: Any = model.roberta.encoder.layer  # torch types what a ModuleList holds as bare modules
    for layer, heads in zip(layers, OFFSETS.values(), strict=False):
        attention = layer.attention.self
        for head, offset in heads.items():
            if head < model.config.num_attention_heads:
                rows = slice(head * head_width, (head + 1) * head_width)
                query, key = rotation(offset, rates, head_width), rotation(0, rates, head_width)
                for part, matrix in ((attention.query, query), (attention.key, key)):
                    part.weight[rows] = FADE * part.weight[rows] + GAIN * matrix


def sinusoids(count: int, rates: Tensor) -> Tensor:
    """(count, 2 * len(rates)): sine and cosine of each position by turns."""
    angles = torch.arange(count)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def rotation(offset: int, rates: Tensor, head_width: int) -> Tensor:
    """(head_width, width): takes the sinusoids of position p to those of p + offset, at every second rate.

    So `query(p) . key(p')` is a sum of `cos(rate * (p' - p - offset))`, largest at `p' = p + offset`.
    """
    matrix = torch.zeros(head_width, 2 * len(rates))
    for i, turn in enumerate((rates[0::2] * offset)[: head_width // 2]):
        sine, cosine = 4 * i, 4 * i + 1  # the columns of the rate
        matrix[2 * i, sine], matrix[2 * i, cosine] = turn.cos(), turn.sin()
        matrix[2 * i + 1, sine], matrix[2 * i + 1, cosine] = -turn.sin(), turn.cos()
    return matrix
