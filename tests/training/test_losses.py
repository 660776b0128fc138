"""What a step minimises, against sums written out."""

from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nghiquyet.artefact import open_artefact
from nghiquyet.decode import Decoder
from nghiquyet.documents import Document
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.losses import (
    IMPOSSIBLE,
    disagreement,
    legal_only,
    sequence_cross_entropy,
    soft_cross_entropy,
)
from nghiquyet_training.run import finished_metrics, fit
from tests.training.test_run import smoke

DRAW = torch.Generator().manual_seed(0)


def test_a_step_without_words_that_count_changes_nothing() -> None:
    logits = torch.zeros(1, 2, 9, requires_grad=True)
    loss = soft_cross_entropy(logits, torch.zeros(1, 2, 9))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()  # type: ignore[union-attr]


def test_disagreement_is_the_mean_divergence_both_ways() -> None:
    one, other = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.1, 0.1, 0.8])
    logits = torch.stack([one, other]).log()[:, None].expand(2, 2, 3)  # a window of two words, read twice
    targets = torch.tensor([[[1.0, 0, 0], [0, 0, 0]]])  # the second does not count
    expected = ((one - other) * (one.log() - other.log())).sum() / 2
    assert disagreement(logits, targets).item() == pytest.approx(expected.item(), rel=1e-5)
    assert disagreement(logits, torch.zeros(1, 2, 3)).item() == 0


def written_out(logits: Tensor, tags: tuple[int, ...], transitions: Tensor) -> Tensor:
    """The cross entropy of one sequence, its chain's total summed over all sequences there are."""

    def score(sequence: tuple[int, ...]) -> Tensor:
        steps = [transitions[step] for step in pairwise(sequence)]
        return torch.stack([logits[t, tag] for t, tag in enumerate(sequence)] + steps).sum()

    every = torch.stack([score(each) for each in product(range(logits.shape[1]), repeat=len(logits))])
    return every.logsumexp(dim=0) - score(tags)


def hot(tags: list[int], size: int) -> Tensor:
    """Targets; -1 is a piece that does not count."""
    return torch.stack([torch.eye(size)[tag] if tag >= 0 else torch.zeros(size) for tag in tags])


def test_a_sequence_is_weighed_against_all_others() -> None:
    transitions = torch.randn(3, 3, generator=DRAW)
    transitions[2, 1] = IMPOSSIBLE
    logits = torch.randn(2, 6, 3, generator=DRAW, requires_grad=True)
    targets = torch.stack([hot([-1, 0, 2, -1, 2, 0], 3), hot([1, -1, -1, 2, -1, -1], 3)])
    loss = sequence_cross_entropy(logits, targets, transitions)
    words = [logits[0, [1, 2, 4, 5]], logits[1, [0, 3]]]
    expected = written_out(words[0], (0, 2, 2, 0), transitions) + written_out(words[1], (1, 2), transitions)
    assert loss.item() == pytest.approx(expected.item() / 6, rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.isfinite().all()
    assert not gradient[targets.sum(dim=-1) == 0].any()


def test_where_steps_weigh_nothing_each_word_stands_by_itself() -> None:
    logits = torch.randn(4, 7, 9, generator=DRAW)
    targets = torch.rand(4, 7, 9, generator=DRAW).softmax(dim=-1) * (torch.rand(4, 7, 1, generator=DRAW) < 0.7)
    alone = soft_cross_entropy(logits, targets)
    assert sequence_cross_entropy(logits, targets, torch.zeros(9, 9)).item() == pytest.approx(alone.item(), rel=1e-5)
    assert sequence_cross_entropy(logits, torch.zeros(4, 7, 9), torch.zeros(9, 9)).item() == 0


def test_what_is_illegal_gets_no_weight_and_no_gradient() -> None:
    transitions = torch.zeros(9, 9, requires_grad=True)
    logits, targets = torch.randn(1, 5, 9, generator=DRAW), hot([0, 1, 2, 2, 0], 9)[None]
    loss = sequence_cross_entropy(logits, targets, legal_only(transitions))
    assert loss.item() < sequence_cross_entropy(logits, targets, transitions).item()
    (gradient,) = torch.autograd.grad(loss, transitions)
    assert not gradient[~torch.from_numpy(Decoder().legal)].any()
    assert gradient.any()


def chained(folder: Path) -> TrainConfig:
    return smoke(
        folder, "optimizer.chain=true", "optimizer.epochs=12", "optimizer.learning_rate=5e-3", "window_pieces=64"
    )


def test_a_learnt_chain_goes_where_the_model_goes(tmp_path: Path) -> None:
    finished_metrics(smoke(tmp_path / "counted"))
    finished_metrics(chained(tmp_path / "learnt"))
    weights = [
        torch.tensor(open_artefact(tmp_path / name / "model").manifest.transitions) for name in ("counted", "learnt")
    ]
    moved = (weights[0] - weights[1]).abs() > 0.01
    legal = torch.from_numpy(Decoder().legal)
    assert moved[legal].float().mean() > 0.5
    assert not moved[~legal].any()


def test_what_was_learnt_is_decoded_with(tmp_path: Path, gold: list[Document]) -> None:
    config = chained(tmp_path / "run")
    fitted = fit(config, gold[:2], gold[2:3], tmp_path / "run")
    assert "transitions" not in dict(fitted.model.named_parameters())
    never = [[-50.0 * (tag > 0) for tag in range(9)]] * 9
    assert fitted.predictor(config).predict(gold[0].text)
    assert not replace(fitted, transitions=never).predictor(config).predict(gold[0].text)
