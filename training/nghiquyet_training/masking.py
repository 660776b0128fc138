"""Which positions a masked-language step hides, and what stands there instead."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nghiquyet.bpe import UNK_ID


@dataclass(frozen=True, slots=True)
class MaskedBatch:
    """`inputs` (B, T) int64, `chosen` (B, T) bool, `targets` (chosen.sum(),) int64."""

    inputs: Tensor
    chosen: Tensor
    targets: Tensor


def mask_batch(
    ids: Tensor, rate: float, mask_id: int, randomness: torch.Generator, goes_on: Tensor | None = None
) -> MaskedBatch:
    """Hides about `rate` of `ids` (B, T), each piece by itself; with `goes_on` (V,), words whole.

    `goes_on` tells of each piece whether the next one belongs to the same word. Of the hidden, 80% read `<mask>`, 10%
    another piece, 10% themselves (BERT, Devlin et al. 2019).
    """
    chosen = _choose(ids, rate, randomness, goes_on)
    inputs = ids.clone()
    draw = torch.rand(ids.shape, generator=randomness)
    inputs[chosen & (draw < 0.8)] = mask_id
    other = torch.randint(UNK_ID + 1, mask_id, ids.shape, generator=randomness)
    inputs = torch.where(chosen & (draw >= 0.9), other, inputs)
    return MaskedBatch(inputs, chosen, ids[chosen])


def hide_all(ids: Tensor, rate: float, mask_id: int, randomness: torch.Generator | None = None) -> MaskedBatch:
    """Hides about `rate` of `ids` (B, T), each piece by itself, all behind `<mask>`; None draws as torch does."""
    chosen = _choose(ids, rate, randomness)
    return MaskedBatch(torch.where(chosen, mask_id, ids), chosen, ids[chosen])


def _choose(ids: Tensor, rate: float, randomness: torch.Generator | None, goes_on: Tensor | None = None) -> Tensor:
    draw = torch.rand(ids.shape, generator=randomness, device=ids.device)
    if goes_on is not None:
        draw = draw.gather(1, _word_starts(ids, goes_on))
    return (draw < rate) & (ids > UNK_ID)  # control tokens and unknown pieces teach nothing


def _word_starts(ids: Tensor, goes_on: Tensor) -> Tensor:
    """(B, T): of each piece the place where its word begins."""
    places = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
    starts = torch.ones_like(ids, dtype=torch.bool)
    starts[:, 1:] = ~goes_on[ids[:, :-1]]
    return torch.where(starts, places, 0).cummax(dim=1).values
