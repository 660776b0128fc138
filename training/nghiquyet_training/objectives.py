"""What a pretraining step asks of the encoder: the hidden pieces, or which pieces were replaced and what they were."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, gelu, linear
from transformers import RobertaForMaskedLM

from nghiquyet_training.masking import hide_all, mask_batch

REPLACED_WEIGHT = 50.0  # of the binary loss, small on average since most pieces are left as they are (ELECTRA)


class MaskedLanguage(torch.nn.Module):
    """Masked language modelling (Devlin et al. 2019). `goes_on` (V,) hides words whole, see `mask_batch`."""

    def __init__(
        self, model: RobertaForMaskedLM, mask_rate: float, mask_id: int, goes_on: Tensor | None = None
    ) -> None:
        super().__init__()
        self.goes_on = goes_on
        self.model = model
        self.mask_rate = mask_rate
        self.mask_id = mask_id

    def losses(self, ids: Tensor, randomness: torch.Generator) -> dict[str, Tensor]:
        """The parts of the loss on `ids` (B, T), by name; their sum is the loss."""
        batch = mask_batch(ids, self.mask_rate, self.mask_id, randomness, self.goes_on)
        states = self.model.roberta(batch.inputs)[0]
        return {"mlm": piece_loss(self.model, states, batch.chosen, batch.targets)}


class ReplacedPieces(torch.nn.Module):
    """Replaced-token detection (ELECTRA, Clark et al. 2020), with the replaced pieces to be named as well.

    The pieces that `generator`, a finished encoder that is not trained on (Fast-ELECTRA, Dong et al. 2023), puts in
    place of hidden ones are plausible; every position of a block teaches whether it was replaced, and the hidden
    ones teach what stood there (COCO-LM, Meng et al. 2021), which keeps the output head alive.
    """

    def __init__(
        self, model: RobertaForMaskedLM, generator: RobertaForMaskedLM, mask_rate: float, mask_id: int
    ) -> None:
        super().__init__()
        self.model = model
        self.generator = generator.eval().requires_grad_(False)
        self.mask_rate = mask_rate
        self.mask_id = mask_id
        width = model.config.hidden_size
        self.detector = torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.GELU(), torch.nn.Linear(width, 1))

    def losses(self, ids: Tensor, randomness: torch.Generator) -> dict[str, Tensor]:
        """The parts of the loss on `ids` (B, T), by name; their sum is the loss."""
        batch = hide_all(ids, self.mask_rate, self.mask_id, randomness)
        corrupted = ids.clone()
        corrupted[batch.chosen] = self._guess(batch.inputs, batch.chosen, randomness)
        states = self.model.roberta(corrupted)[0]
        replaced = (corrupted != ids)[:, 1:].float()  # the first piece is always <s>
        scores = self.detector(states[:, 1:]).squeeze(-1).float()
        return {
            "rtd": REPLACED_WEIGHT * binary_cross_entropy_with_logits(scores, replaced),
            "mlm": piece_loss(self.model, states, batch.chosen, batch.targets),
        }

    @torch.no_grad()
    def _guess(self, inputs: Tensor, chosen: Tensor, randomness: torch.Generator) -> Tensor:
        """(chosen.sum(),): a piece for each hidden place, drawn as likely as the generator thinks it."""
        states = self.generator.roberta(inputs)[0]
        likely = piece_logits(self.generator, states[chosen]).float().softmax(dim=-1)
        return draw(likely, randomness)


def draw(likely: Tensor, randomness: torch.Generator) -> Tensor:
    """(N, V) probabilities -> (N,): one index a row, drawn by them; one random number a row."""
    reached = likely.cumsum(dim=-1)
    point = torch.rand((len(likely), 1), generator=randomness) * reached[:, -1:]
    return torch.searchsorted(reached, point, right=True).squeeze(-1).clamp(max=likely.shape[-1] - 1)


def piece_loss(model: RobertaForMaskedLM, states: Tensor, chosen: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of `targets` (N,) at the `chosen` (B, T) places; the output head sees only these."""
    return cross_entropy(piece_logits(model, states[chosen]).float(), targets)


def piece_logits(model: RobertaForMaskedLM, states: Tensor) -> Tensor:
    """(N, width) -> (N, V): RoBERTa's output head over the input embeddings, which may be parametrized."""
    head = model.lm_head
    hidden = head.layer_norm(gelu(head.dense(states)))
    return linear(hidden, model.roberta.embeddings.word_embeddings.weight, head.bias)
