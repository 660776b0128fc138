"""Each way of sparing time or memory does what its configuration value says, and nothing else."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from nghiquyet.bpe import PAD_ID
from nghiquyet.documents import Document
from nghiquyet.errors import ConfigError
from nghiquyet_training.config import OptimizerConfig
from nghiquyet_training.data import collate
from nghiquyet_training.encoder_source import build_encoder, build_model
from nghiquyet_training.losses import disagreement
from nghiquyet_training.processes import from_first, is_first, one_on_each_machine_first, process_count, together
from nghiquyet_training.run import training_windows
from nghiquyet_training.trainer import (
    SharedOrder,
    SpanTrainer,
    make_trainer,
    windows_at_once,
)
from tests.conftest import TINY_ENCODER
from tests.training.test_run import smoke

PLAIN = ("encoder.dropout=0", "optimizer.bf16=false", "window_pieces=64", "optimizer.learning_rate=5e-3")


def make(folder: Path, documents: list[Document], *overrides: str, dev: list[Document] | None = None) -> SpanTrainer:
    config = smoke(folder, *PLAIN, *overrides)
    encoder = build_encoder(TINY_ENCODER, "syllable")
    model = build_model(TINY_ENCODER, config.encoder, config.seed)
    return make_trainer(config, model, training_windows(config, documents, encoder), encoder, dev or [], folder)


def weights(trainer: SpanTrainer) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in trainer.tagger.state_dict().items()}


def trained(folder: Path, documents: list[Document], *overrides: str) -> dict[str, torch.Tensor]:
    trainer = make(folder, documents, *overrides)
    trainer.train()
    return weights(trainer)


def assert_close(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    for name in left:
        torch.testing.assert_close(left[name], right[name], atol=2e-4, rtol=0)


def padding(batches: Iterator[dict[str, torch.Tensor]]) -> int:
    return sum(int((batch["input_ids"] == PAD_ID).sum()) for batch in batches)


def test_a_batch_is_padded_to_its_own_longest_window_only() -> None:
    rows = [{"input_ids": [0] * size, "targets": [0.0] * 9 * size} for size in (3, 7)]
    assert collate(rows)["input_ids"].shape == (2, 7)
    assert collate(rows[:1])["labels"].shape == (1, 3, 9)


def test_windows_of_like_length_together_need_little_padding(tmp_path: Path, gold: list[Document]) -> None:
    lines = [Document(f"{d.id}-{i}", line, ()) for d in gold for i, line in enumerate(d.text.splitlines())]
    grouped, random = (
        padding(iter(make(tmp_path, lines, f"optimizer.group_by_length={value}").get_train_dataloader()))
        for value in ("true", "false")
    )
    assert grouped < random / 2


def test_a_step_in_parts_is_the_same_step(tmp_path: Path, gold: list[Document]) -> None:
    whole = trained(tmp_path / "a", gold[:2])
    assert_close(whole, trained(tmp_path / "b", gold[:2], "optimizer.accumulate=4"))
    assert_close(whole, trained(tmp_path / "c", gold[:2], "optimizer.accumulate=8"))


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    assert windows_at_once(OptimizerConfig(batch=8, accumulate=4)) == 2
    with pytest.raises(ConfigError, match="make it a multiple of 3"):
        windows_at_once(OptimizerConfig(batch=8, accumulate=3))


@pytest.mark.filterwarnings("error:.*checkpointing.*is deprecated")
def test_checkpointing_computes_layers_twice_and_changes_nothing(tmp_path: Path, gold: list[Document]) -> None:
    found, calls = [], []
    for value in ("false", "true"):
        trainer = make(tmp_path / value, gold[:1], f"optimizer.checkpointing={value}")
        count = [0]
        trainer.tagger.roberta.encoder.layer[0].intermediate.register_forward_hook(
            lambda *_, count=count: count.__setitem__(0, count[0] + 1)
        )
        trainer.train()
        found.append(weights(trainer))
        calls.append(count[0])
    assert calls[1] == 2 * calls[0]
    assert_close(*found)


def test_bf16_is_for_computing_and_weights_stay_in_fp32(tmp_path: Path, gold: list[Document]) -> None:
    kinds = set()
    trainer = make(tmp_path, gold[:1], "optimizer.bf16=true")
    trainer.tagger.classifier.register_forward_hook(lambda _, __, output: kinds.add(output.dtype))
    trainer.train()
    assert kinds == {torch.bfloat16}
    assert {value.dtype for value in trainer.tagger.parameters()} == {torch.float32}


def test_frozen_embeddings_stay_and_the_rest_learns(tmp_path: Path, gold: list[Document]) -> None:
    trainer = make(tmp_path, gold[:1], "optimizer.freeze_embeddings=true")
    before = weights(trainer)
    trainer.train()
    after = weights(trainer)
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {name for name in before if name.startswith("roberta.embeddings.")}


class _Record(TrainerCallback):
    """The weights after each step."""

    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []

    def on_step_end(self, *_: object, model: Any, **__: object) -> None:
        self.steps.append(model.classifier.weight.detach().clone())


def test_the_average_is_that_of_the_steps(tmp_path: Path, gold: list[Document]) -> None:
    trainer, record = make(tmp_path, gold[:2], "optimizer.ema=0.6", "optimizer.epochs=2"), _Record()
    trainer.add_callback(record)
    trainer.train()
    expected = record.steps[0]
    for number, step in enumerate(record.steps[1:], start=2):
        decay = min(0.6, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * step
    torch.testing.assert_close(trainer.tagger.classifier.weight.detach(), record.steps[-1])
    trainer.take_averages()
    torch.testing.assert_close(trainer.tagger.classifier.weight.detach(), expected)


def test_with_an_average_the_best_one_is_kept(tmp_path: Path, gold: list[Document]) -> None:
    options = ("optimizer.ema=0.8", "optimizer.epochs=6", "optimizer.head_rate=5e-2")
    trainer = make(tmp_path, gold, *options, dev=gold[:1])
    trainer.train()
    scores = [entry["eval_f1"] for entry in trainer.state.log_history if "eval_f1" in entry]
    trainer.take_averages()
    trainer.optimizer = None  # the averages are in the model now
    assert trainer.evaluate()["eval_f1"] == max(scores) > 0


def test_checkpoints_and_evaluations_come_after_so_many_steps(tmp_path: Path, gold: list[Document]) -> None:
    trainer = make(tmp_path, gold, "optimizer.checkpoint_steps=7", dev=gold[:1])
    trainer.train()
    steps = [entry["step"] for entry in trainer.state.log_history if "eval_f1" in entry]
    assert steps[:2] == [7, 14]
    assert any(path.name in {"checkpoint-7", "checkpoint-14"} for path in tmp_path.iterdir()) or len(steps) > 2


def test_two_readings_without_dropout_agree_and_change_nothing(tmp_path: Path, gold: list[Document]) -> None:
    assert_close(trained(tmp_path / "a", gold[:1]), trained(tmp_path / "b", gold[:1], "optimizer.r_drop=5"))


def test_two_readings_under_dropout_are_drawn_together(tmp_path: Path, gold: list[Document]) -> None:
    apart = []
    for weight in ("0", "20"):
        options = ("encoder.dropout=0.3", f"optimizer.r_drop={weight}", "optimizer.epochs=20")
        trainer = make(tmp_path / weight, gold[:1], *options)
        trainer.train()
        model = trainer.tagger.train()
        batch = next(iter(trainer.get_train_dataloader()))
        inputs = {name: batch[name].repeat(2, 1) for name in ("input_ids", "attention_mask")}
        apart.append(disagreement(model(**inputs).logits, batch["labels"]).item())
    assert 0 < apart[1] < apart[0] / 2


def test_processes_agree_on_the_order_and_it_changes_with_the_epoch() -> None:
    lengths = [(7 * i) % 64 for i in range(400)]
    epoch = 0
    orders = [SharedOrder(lengths, 8, 3, lambda: epoch) for _ in range(2)]
    first = [list(order) for order in orders]
    assert first[0] == first[1]
    assert sorted(first[0]) == list(range(400))
    epoch = 1
    second = [list(order) for order in orders]
    assert second[0] == second[1] != first[0]
    spread = [max(batch) - min(batch) for batch in _batches([lengths[i] for i in first[0]], 8)]
    assert sum(spread) / len(spread) < 16  # of 64


def _batches(values: list[int], size: int) -> Iterator[list[int]]:
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


def test_one_process_alone_asks_nothing_of_others() -> None:
    with together(), one_on_each_machine_first():
        assert process_count() == 1
        assert is_first()
        assert from_first({"f1": 0.5}) == {"f1": 0.5}
