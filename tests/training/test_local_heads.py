"""Heads that look where they are told to."""

import pytest
import torch
from transformers import RobertaForMaskedLM

from nghiquyet_training.local_heads import OFFSETS, add_local_heads
from nghiquyet_training.pretrain import encoder_config
from nghiquyet_training.pretrain_config import Shape


@pytest.fixture(scope="module")
def attentions() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    config = encoder_config(Shape(layers=2, width=128, heads=4, feed_forward=64), 500)
    config._attn_implementation = "eager"
    model = RobertaForMaskedLM(config).eval()
    add_local_heads(model)
    ids = torch.randint(4, 500, (1, 60))
    with torch.inference_mode():
        return tuple(model.roberta(ids, output_attentions=True).attentions)


def test_local_heads_look_at_their_neighbour(attentions: tuple[torch.Tensor, ...]) -> None:
    for layer, heads in OFFSETS.items():
        for head, offset in heads.items():
            looks_at = attentions[layer][0, head, 10:50].argmax(dim=-1)
            assert (looks_at == torch.arange(10, 50) + offset).float().mean() > 0.9, (layer, head)


def test_other_heads_stay_as_they_were(attentions: tuple[torch.Tensor, ...]) -> None:
    assert attentions[0][0, 1].max() < 0.1
