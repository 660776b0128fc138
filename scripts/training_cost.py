"""Seconds a step and peak memory of training phobert-base here, as configured and with each saving switched.

    NGHIQUYET_PHOBERT_VOCAB=FOLDER python scripts/training_cost.py

The weights are random: only vocab.txt and bpe.codes are needed, in FOLDER. Each line runs in a process of its own on
the windows of the five articles; the first step is not counted. For figures worth keeping, on a machine that is quiet.
"""

import contextlib
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from nghiquyet.console import reported

VARIANTS = {
    "in fp32": ["optimizer.bf16=false"],
    "in bf16": ["optimizer.bf16=true"],
    "in fp32, windows in random order": ["optimizer.bf16=false", "optimizer.group_by_length=false"],
    "in fp32, each step in 4 parts": ["optimizer.bf16=false", "optimizer.accumulate=4"],
    "in fp32, checkpointing": ["optimizer.bf16=false", "optimizer.checkpointing=true"],
    "in fp32, embeddings frozen": ["optimizer.bf16=false", "optimizer.freeze_embeddings=true"],
    "in fp32, average of the weights": ["optimizer.bf16=false", "optimizer.ema=0.999"],
}
KIB_PER_GIB = 2**20 if sys.platform != "darwin" else 2**30  # ru_maxrss is in KiB, on macOS in bytes


class EnoughError(Exception):
    """All steps that were asked for are done."""


def measure(config: Path, vocab: Path, overrides: list[str], steps: int) -> tuple[float, float]:
    """Median seconds a step, and the peak memory of this process in GiB."""
    from transformers import RobertaConfig, RobertaForTokenClassification, TrainerCallback

    from nghiquyet.bpe import PhobertBpe
    from nghiquyet.encode import Encoder
    from nghiquyet.labels import LABELS
    from nghiquyet.segment import load_segmenter
    from nghiquyet_training.config import TrainConfig
    from nghiquyet_training.data import load_splits
    from nghiquyet_training.run import training_windows
    from nghiquyet_training.trainer import make_trainer

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.times: list[float] = []

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.times.append(time.perf_counter())
            if len(self.times) > steps:
                raise EnoughError

    settings = TrainConfig.load(config, overrides)
    encoder = Encoder(
        load_segmenter(settings.encoder.segmenter), PhobertBpe.load(vocab / "vocab.txt", vocab / "bpe.codes")
    )
    shape = RobertaConfig(
        vocab_size=encoder.bpe.size, max_position_embeddings=258, type_vocab_size=1, num_labels=len(LABELS.tags)
    )  # the rest of RobertaConfig's own values are those of the base size
    windows = training_windows(settings, load_splits(settings.data).train, encoder)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(settings, RobertaForTokenClassification(shape), windows, encoder, [], Path(folder))
        trainer.add_callback(clock)
        with contextlib.suppress(EnoughError):
            trainer.train()
    gaps = [after - before for before, after in zip(clock.times, clock.times[1:], strict=False)]
    return statistics.median(gaps), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_GIB


@reported()
def main(
    vocab: Annotated[Path, typer.Option(envvar="NGHIQUYET_PHOBERT_VOCAB", help="Folder of vocab.txt and bpe.codes")],
    config: Annotated[Path, typer.Option(help="A training configuration")] = Path("configs/phobert-base.yaml"),
    steps: Annotated[int, typer.Option(min=1, help="Steps that are measured")] = 10,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="key=value, for all lines")] = None,
) -> None:
    """Measures, and prints each line of the table as it is known."""
    print(f"{config.name}, {steps} steps\n\n| how | seconds a step | peak memory, GiB |\n|---|---|---|")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:  # one process each: the peak is its own
        for name, own in VARIANTS.items():
            seconds, memory = pool.submit(measure, config, vocab, [*(overrides or []), *own], steps).result()
            print(f"| {name} | {seconds:.2f} | {memory:.1f} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
