"""Which positions a masked-language step hides, and what stands there instead."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nghiquyet.bpe import UNK_ID

SPAN_LENGTHS = (1, 1, 1, 1, 1, 2, 2, 2, 3, 3)  # drawn evenly: mean 1.7 pieces, so that whole words go, not syllables
MEAN_SPAN = sum(SPAN_LENGTHS) / len(SPAN_LENGTHS)


@dataclass(frozen=True, slots=True)
class MaskedBatch:
    """`inputs` (B, T) int64, `chosen` (B, T) bool, `targets` (chosen.sum(),) int64."""

    inputs: Tensor
    chosen: Tensor
    targets: Tensor


def mask_batch(ids: Tensor, rate: float, mask_id: int, generator: torch.Generator) -> MaskedBatch:
    """Hides about `rate` of `ids` (B, T) in short spans (SpanBERT, Joshi et al. 2020).

    Of the hidden, 80% read `<mask>`, 10% another piece, 10% themselves (BERT, Devlin et al. 2019).
    """
    starts = torch.rand(ids.shape, generator=generator) < rate / MEAN_SPAN
    lengths = torch.tensor(SPAN_LENGTHS)[torch.randint(len(SPAN_LENGTHS), ids.shape, generator=generator)]
    chosen = starts.clone()
    for reach in range(1, max(SPAN_LENGTHS)):
        chosen[:, reach:] |= (starts & (lengths > reach))[:, :-reach]
    chosen &= ids > UNK_ID  # control tokens and unknown pieces teach nothing
    inputs = ids.clone()
    draw = torch.rand(ids.shape, generator=generator)
    inputs[chosen & (draw < 0.8)] = mask_id
    other = torch.randint(UNK_ID + 1, mask_id, ids.shape, generator=generator)
    inputs = torch.where(chosen & (draw >= 0.9), other, inputs)
    return MaskedBatch(inputs, chosen, ids[chosen])
