"""Short pretraining runs that differ in one thing each, and what a tagger from each encoder reaches."""

import json
import time
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import Field

from nghiquyet.errors import ConfigError
from nghiquyet.segment import load_segmenter
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.corpus import read_texts
from nghiquyet_training.pretrain import Pretraining, pretrain
from nghiquyet_training.pretrain_config import PretrainConfig
from nghiquyet_training.run import finished_metrics
from nghiquyet_training.settings import Settings, expand
from nghiquyet_training.vocab import count_words, train_vocab, write_vocab


class Variant(Settings):
    """One encoder; what is not given is as in the whole."""

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
    every: int = Field(ge=1)
    """One text in so many is read."""
    vocab_pieces: int
    """Pieces of the vocabulary that is trained on the texts."""
    pretrain: dict[str, Any]
    """Settings of PretrainConfig, but for files, vocab and output."""
    tagger: str
    """A training configuration."""
    tagger_overrides: list[str] = Field([])
    """key=value, on top of it."""
    seeds: int = Field(3, ge=1)
    """Taggers from each encoder."""
    variants: dict[str, Variant]
    """By name."""

    def segmenter(self, variant: Variant) -> str:
        """The word segmenter of a variant."""
        return str({**self.pretrain, **variant.pretrain}.get("segmenter", "syllable"))

    def pretraining(self, variant: Variant, texts: Path, vocab: str, output: Path) -> PretrainConfig:
        """How a variant's encoder is pretrained."""
        own = {"files": [str(texts)], "vocab": vocab, "output": str(output)}
        return PretrainConfig.model_validate({**self.pretrain, **variant.pretrain, **own})


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
    """Pretrains one encoder into `output`; its losses, and pieces a second where it went through without a stop."""
    texts = sample(variant.files or plan.files, variant.every or plan.every, folder)
    pieces = variant.vocab_pieces or plan.vocab_pieces
    vocab = variant.vocab or str(vocabulary(texts, pieces, plan.segmenter(variant), folder))
    config = plan.pretraining(variant, texts, vocab, output)
    Pretraining(config)  # encodes the texts, once
    begun = (output / "checkpoint.safetensors").exists()
    begin = time.perf_counter()
    _, losses = pretrain(config, resume=True)
    speed = None if begun else config.pieces / (time.perf_counter() - begin)
    return {"losses": losses, "pieces": config.pieces, "pieces a second": speed}


def tagged(plan: Exploration, encoder: Path, segmenter: str, output: Path) -> list[dict[str, Any]]:
    """The scores on the development part of taggers that start from `encoder`, one a seed."""
    found = []
    for seed in range(plan.seeds):
        own = [f"encoder.path={encoder}", f"encoder.segmenter={segmenter}", f"seed={seed}"]
        own.append(f"output={output / f'seed-{seed}'}")
        config = TrainConfig.load(Path(plan.tagger), [*plan.tagger_overrides, *own])
        found.append(finished_metrics(config)["development"])
    return found


def explored(plan: Exploration, name: str, folder: Path) -> dict[str, Any]:
    """The result of one variant; taken from its folder where it is finished."""
    output = folder / name
    path = output / "result.json"
    variant = plan.variants[name]
    asked = {"whole": plan.model_dump(mode="json", exclude={"variants"}), "variant": variant.model_dump(mode="json")}
    if not path.exists():
        about = pretrained(plan, variant, folder, output / "encoder")
        rows = tagged(plan, output / "encoder", plan.segmenter(variant), output)
        about["asked"] = asked
        about["f1"] = {label: [row[label]["f1"] for row in rows] for label in rows[0]}
        path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if result["asked"] != asked:
        raise ConfigError(f"{path} is of other settings; name another folder")
    return result
