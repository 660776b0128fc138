"""What a fine-tuning step minimises: words by themselves, two readings of them, or the whole sequence of tags.

Logits and targets stand at pieces, (B, T, L); a row of zeros in the targets counts for nothing.
"""

from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from nghiquyet.decode import Decoder

IMPOSSIBLE = -1e4  # the logarithm of what weighs nothing; finite, so that gradients are


def counted(targets: Tensor) -> Tensor:
    """Which rows of `targets` (..., L) are words that count in the loss: (...), bool."""
    return targets.sum(dim=-1) > 0


def smoothed(targets: Tensor, share: float) -> Tensor:
    """`targets` (..., L) with a `share` of each row that counts spread over all tags."""
    return torch.where(counted(targets)[..., None], (1 - share) * targets + share / targets.shape[-1], 0.0)


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over the rows of `targets` (..., L) that count; `logits` have the same shape. 0 of no rows."""
    rows = counted(targets)
    if not rows.any():
        return logits.sum() * 0.0
    return cross_entropy(logits[rows].float(), targets[rows])


def disagreement(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean divergence, both ways, between two readings of each word that counts (R-Drop, Liang et al. 2021).

    `logits` (2B, T, L): the windows of `targets` (B, T, L), and the same ones again.
    """
    rows = counted(targets)
    if not rows.any():
        return logits.sum() * 0.0
    one, other = (half[rows].float().log_softmax(dim=-1) for half in logits.chunk(2))
    divergence = partial(kl_div, log_target=True, reduction="batchmean")
    return (divergence(one, other) + divergence(other, one)) / 2


def sequence_cross_entropy(logits: Tensor, targets: Tensor, transitions: Tensor) -> Tensor:
    """Cross entropy of the tag sequence of each window under a linear chain (CRF, Lafferty et al. 2001), for each word.

    `transitions` (L, L): the logarithm of what each step from row to column weighs. Targets that are probabilities are
    taken as independent of each other but for the legal steps; with all weights 0 this is `soft_cross_entropy`.
    """
    rows = counted(targets)
    if not rows.any():
        return logits.sum() * 0.0
    emissions, wanted, here = _packed(logits.float(), rows), _packed(targets, rows), _packed(rows[..., None], rows)
    steps = (wanted[:, :-1] @ torch.where(transitions > IMPOSSIBLE / 2, transitions, 0.0) * wanted[:, 1:]).sum()
    score = (emissions * wanted).sum() + steps
    return (_log_total(emissions, here, transitions) - score) / rows.sum()


def legal_only(transitions: Tensor) -> Tensor:
    """`transitions` (L, L), with what is illegal made impossible."""
    legal = torch.from_numpy(np.array(Decoder().legal)).to(transitions.device)
    return torch.where(legal, transitions, IMPOSSIBLE)


def _packed(values: Tensor, rows: Tensor) -> Tensor:
    """The `rows` (B, T) of `values` (B, T, ...) that count, at the front, cut to the longest: (B, W, ...)."""
    order = (~rows).to(torch.int8).argsort(dim=1, stable=True)[:, : int(rows.sum(dim=1).max())]
    return values.gather(1, order[..., None].expand(*order.shape, values.shape[-1]))


def _log_total(emissions: Tensor, here: Tensor, transitions: Tensor) -> Tensor:
    """The logarithm of what all sequences of all windows weigh; a window may begin inside a span, and end in one."""
    total = torch.where(here[:, 0], emissions[:, 0], 0.0)
    for word in range(1, emissions.shape[1]):
        after = (total[:, :, None] + transitions).logsumexp(dim=1) + emissions[:, word]
        total = torch.where(here[:, word], after, total)
    return torch.where(here[:, 0], total, IMPOSSIBLE).logsumexp(dim=1)[here[:, 0, 0]].sum()
