"""The encoder written out for export: the numbers of the library's own model in fewer and cheaper operations."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import RobertaForTokenClassification

from nghiquyet.bpe import PAD_ID


class TaggerGraph(nn.Module):
    """A `RobertaForTokenClassification` in evaluation, for batches padded on the right.

    Queries, keys and values come from one product, and the scale of attention is folded into the queries: a power of
    two in PhoBERT's sizes, so that all weights are as exact in fp16, which OpenVINO keeps, as the checkpoint's.
    OpenVINO runs it 6% faster than the library's graph, a fifth where lengths vary; ONNX Runtime 15%, unless it is told
    to leave out a slow fusion (`backends.SLOW_FUSIONS`) that this graph escapes.

    `fused`: attention as one operation of ONNX Runtime's own, a twentieth faster over short windows and a sixth over
    those of 128 pieces. It knows no mask: only windows of one length may then share a call.
    """

    def __init__(self, model: RobertaForTokenClassification, *, fused: bool = False) -> None:
        super().__init__()
        self.fused = fused
        self.embeddings = model.roberta.embeddings
        self.layers: Any = model.roberta.encoder.layer
        self.classifier = model.classifier
        self.heads = model.config.num_attention_heads
        self.width = model.config.hidden_size
        embeddings = self.embeddings
        # The first rows of RoBERTa's table belong to no place in a text.
        self.register_buffer("positions", embeddings.position_embeddings.weight[PAD_ID + 1 :].detach())
        self.register_buffer("token_type", embeddings.token_type_embeddings.weight[0].detach())
        self.projections = nn.ModuleList(_projection(layer) for layer in self.layers)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Ids and mask (B, T) -> logits (B, T, L). The mask is left out where `fused`."""
        positions = self.get_buffer("positions")[: input_ids.shape[1]] + self.get_buffer("token_type")
        hidden = self.embeddings.LayerNorm(self.embeddings.word_embeddings(input_ids) + positions)  # (B, T, H)
        mask = None
        if attention_mask is not None:
            mask = (attention_mask[:, None, None, :] - 1).to(hidden.dtype) * 1e9  # (B, 1, 1, T)
        for project, layer in zip(self.projections, self.layers, strict=True):
            attended = layer.attention.output(self._attend(project(hidden), mask), hidden)
            hidden = layer.output(layer.intermediate(attended), attended)
        logits: Tensor = self.classifier(hidden)
        return logits

    def _attend(self, projected: Tensor, mask: Tensor | None) -> Tensor:
        """Queries, keys and values side by side (B, T, 3H) -> (B, T, H)."""
        if self.fused:
            # A size that is written out: with `chunk` the graph would work it out in each call.
            parts = projected.split(self.width, dim=-1)
            fused: Tensor = _FusedAttention.apply(*parts, self.heads)  # type: ignore[no-untyped-call]
            return fused
        queries, keys, values = projected.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, h, T, H/h)
        scores = queries @ keys.transpose(-1, -2)
        weights = (scores if mask is None else scores + mask).softmax(dim=-1)
        together: Tensor = (weights @ values).transpose(1, 2).flatten(2)
        return together


class _FusedAttention(torch.autograd.Function):
    """Stands for `com.microsoft::MultiHeadAttention` in an exported graph; queries come with their scale."""

    @staticmethod
    def forward(_: Any, queries: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
        """(B, T, H) each -> a tensor of that shape: the exporter asks for no more."""
        return torch.zeros_like(queries)

    @staticmethod
    def symbolic(graph: Any, queries: Any, keys: Any, values: Any, heads: int) -> Any:
        """What the exporter writes in place of `forward`."""
        operation = graph.op("com.microsoft::MultiHeadAttention", queries, keys, values, num_heads_i=heads, scale_f=1.0)
        return operation.setType(queries.type())


def _projection(layer: Any) -> nn.Linear:
    """The three projections of a layer's self-attention as one, H -> 3H."""
    attention = layer.attention.self
    parts = [attention.query, attention.key, attention.value]
    scales = [attention.scaling, 1.0, 1.0]
    together = nn.Linear(parts[0].in_features, sum(part.out_features for part in parts))
    together.weight.data = torch.cat([part.weight.data * scale for part, scale in zip(parts, scales, strict=True)])
    together.bias.data = torch.cat([part.bias.data * scale for part, scale in zip(parts, scales, strict=True)])
    return together
