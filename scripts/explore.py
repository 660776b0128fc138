"""What pays in pretraining: short runs that differ in one thing each, and what a tagger from each encoder reaches.

    NGHIQUYET_CORPUS=FOLDER NGHIQUYET_EXTRA=FOLDER python scripts/explore.py configs/explore.yaml -o runs/explore
    ... --only start --only vocab-8k    # these alone; what is done is not done again, what was stopped goes on

Each encoder is fine-tuned with several seeds by the `tagger` settings and scored on the development tenth. The table
has the loss of the last steps (comparable only between runs of one vocabulary and objective), pieces a second, F1.
"""

import json
import statistics
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Field
from rich.console import Console
from rich.table import Table

from nghiquyet.segment import load_segmenter
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.corpus import read_texts
from nghiquyet_training.pretrain import Pretraining, pretrain
from nghiquyet_training.pretrain_config import PretrainConfig
from nghiquyet_training.run import run
from nghiquyet_training.settings import Settings, expand
from nghiquyet_training.vocab import count_words, train_vocab, write_vocab

ROOT = Path(__file__).resolve().parent.parent


class Variant(Settings):
    """One encoder; what is not given is taken from the whole."""

    files: list[str] | None = None
    """Text files."""
    every: int | None = Field(None, ge=1)
    """One text in so many is read."""
    vocab: str | None = None
    """A folder with a vocabulary; null trains one of `vocab_pieces` on the texts."""
    vocab_pieces: int | None = None
    """Pieces of a vocabulary of its own."""
    pretrain: dict[str, Any] = Field({})
    """Settings of PretrainConfig that differ."""


class Exploration(Settings):
    """The runs, and what they have in common."""

    files: list[str]
    """Text files."""
    every: int
    vocab_pieces: int
    pretrain: dict[str, Any]
    tagger: str
    """A training configuration, from the project's root."""
    tagger_overrides: list[str] = Field([])
    seeds: int = Field(3, ge=1)
    variants: dict[str, Variant]


def sample(files: list[str], every: int, folder: Path) -> Path:
    """One text in `every` of each file, as a .jsonl."""
    names = "-".join(Path(file).name.partition(".")[0] for file in files)
    path = folder / f"{names}-{every}.jsonl"
    if not path.exists():
        partial = path.with_name(f"{path.name}.{time.time_ns()}")
        with partial.open("w", encoding="utf-8") as output:
            for file in files:
                for text in islice(read_texts([expand(file)]), 0, None, every):
                    output.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
        partial.replace(path)
    return path


def vocabulary(texts: Path, pieces: int, segmenter: str, folder: Path) -> Path:
    """A folder with a vocabulary of `pieces`, trained on `texts` where there is none yet."""
    path = folder / f"vocab-{segmenter}-{pieces}-{texts.stem}"
    if not (path / "bpe.codes").exists():
        counts = count_words(read_texts([texts]), load_segmenter(segmenter), 30_000_000)
        write_vocab(path, *train_vocab(counts, pieces), counts)
    return path


def pretrained(plan: Exploration, variant: Variant, folder: Path, output: Path) -> dict[str, Any]:
    """Pretrains one encoder into `output`; its losses and pieces a second."""
    settings = {**plan.pretrain, **variant.pretrain}
    segmenter = settings.setdefault("segmenter", "syllable")
    texts = sample(variant.files or plan.files, variant.every or plan.every, folder)
    vocab = variant.vocab or vocabulary(texts, variant.vocab_pieces or plan.vocab_pieces, segmenter, folder)
    config = PretrainConfig.model_validate(
        {**settings, "files": [str(texts)], "vocab": str(vocab), "output": str(output)}
    )
    Pretraining(config)  # encodes the texts, once
    begin = time.perf_counter()
    _, losses = pretrain(config, resume=True)
    return {"losses": losses, "pieces": config.pieces, "pieces a second": config.pieces / (time.perf_counter() - begin)}


def tagged(plan: Exploration, encoder: Path, segmenter: str, output: Path) -> list[dict[str, Any]]:
    """The scores on the development part of taggers that start from `encoder`, one a seed."""
    found = []
    for seed in range(plan.seeds):
        own = [f"encoder.path={encoder}", f"encoder.segmenter={segmenter}", f"seed={seed}"]
        own.append(f"output={output / f'seed-{seed}'}")
        config = TrainConfig.load(ROOT / plan.tagger, [*plan.tagger_overrides, *own])
        finished = expand(config.output) / "metrics.json"
        if not finished.exists():
            run(config, resume=True)
        found.append(json.loads(finished.read_text(encoding="utf-8"))["development"])
    return found


def explored(plan: Exploration, name: str, folder: Path) -> dict[str, Any]:
    """The result of one variant; taken from its folder where it is finished."""
    output = folder / name
    path = output / "result.json"
    if not path.exists():
        variant = plan.variants[name]
        about = pretrained(plan, variant, folder, output / "encoder")
        segmenter = {**plan.pretrain, **variant.pretrain}.get("segmenter", "syllable")
        rows = tagged(plan, output / "encoder", segmenter, output)
        about["f1"] = {label: [row[label]["f1"] for row in rows] for label in rows[0]}
        path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def rows_of(results: dict[str, dict[str, Any]]) -> Iterator[list[str]]:
    for name, found in results.items():
        losses = ", ".join(f"{part} {loss:.3f}" for part, loss in found["losses"].items())
        f1 = found["f1"]["micro"]
        spread = statistics.stdev(f1) if len(f1) > 1 else 0.0
        speed = f"{found['pieces a second']:,.0f}"
        yield [name, f"{found['pieces'] / 1e6:.1f}", losses, speed, f"{statistics.mean(f1):.3f} ± {spread:.3f}"]


def main(
    config: Annotated[Path, typer.Argument(help="The runs, as configs/explore.yaml")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder; each run gets one in it")],
    only: Annotated[list[str] | None, typer.Option(help="These runs alone")] = None,
) -> None:
    """Pretrains, fine-tunes, and prints the table."""
    plan = Exploration.load(config)
    output.mkdir(parents=True, exist_ok=True)
    results = {name: explored(plan, name, output) for name in only or plan.variants}
    table = Table("run", "million pieces", "loss", "pieces/s", f"F1 over {plan.seeds} seeds", title="development tenth")
    for row in rows_of(results):
        table.add_row(*row)
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
