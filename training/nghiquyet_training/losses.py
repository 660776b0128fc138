"""What a fine-tuning step minimises: words by themselves, two readings of them, or the whole sequence of tags.

Logits and targets stand at pieces, (B, T, L); a row of zeros in the targets counts for nothing.
"""

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from nghiquyet.decode import Decoder

LEGAL = torch.from_numpy(Decoder().legal)
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
    words = rows.sum(dim=1)
    order = (
        (~rows).to(torch.int8).argsort(dim=1, stable=True)[:, : int(words.max()), None]
    )  # those that count, in front
    emissions, wanted = (x.gather(1, order.expand(-1, -1, x.shape[-1])) for x in (logits.float(), targets))
    steps = (wanted[:, :-1] @ torch.where(transitions > IMPOSSIBLE / 2, transitions, 0.0) * wanted[:, 1:]).sum()
    score = (emissions * wanted).sum() + steps
    return (_log_total(emissions, words, transitions) - score) / words.sum()


def legal_only(transitions: Tensor) -> Tensor:
    """`transitions` (L, L), with what is illegal made impossible."""
    return torch.where(LEGAL.to(transitions.device), transitions, IMPOSSIBLE)


def _log_total(emissions: Tensor, words: Tensor, transitions: Tensor) -> Tensor:
    """Logarithm of what all sequences of `words` (B,) weigh; a window may begin inside a span, and end in one."""
    total = emissions[:, 0]
    for word in range(1, emissions.shape[1]):
        after = (total[:, :, None] + transitions).logsumexp(dim=1) + emissions[:, word]
        total = torch.where((words > word)[:, None], after, total)
    return total.logsumexp(dim=1)[words > 0].sum()
