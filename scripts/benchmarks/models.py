"""The models that are measured: PhoBERT's shape with random weights, and the compact one, in every form of export."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import RobertaConfig, RobertaForTokenClassification

from nghiquyet.bpe import PhobertBpe
from nghiquyet.encode import Encoder
from nghiquyet.labels import LABELS
from nghiquyet.segment import load_segmenter
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.export import FORMS, Bounds, export
from nghiquyet_training.formats import write_onnx
from nghiquyet_training.package import package_run

COMPACT = Path(__file__).parents[2] / "training" / "checkpoints" / "compact"
BEFORE_FILE = "before.onnx"  # beside the int8 export: the graph that this package exported at first
ANYTHING = Bounds(f1=1.0, labels=1.0)  # random weights answer by the last digit
EXPORTS = {f"{form} {'int8' if int8 else 'fp32'}": (form, int8) for form in FORMS for int8 in (True, False)}


@dataclass(frozen=True, slots=True)
class Shape:
    """A model in all its forms: `folder` holds the checkpoint, `folder` with an export's name that export."""

    name: str
    segmenter: str
    folder: Path

    @property
    def width(self) -> int:
        return int(self.config["hidden_size"])

    @property
    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "config.json").read_text("utf-8"))
        return found

    def export(self, name: str) -> Path:
        return self.folder.with_name(f"{self.folder.name}-{name.replace(' ', '-')}")


def make_shapes(folder: Path, vocabulary: Path | None, texts: list[str]) -> list[Shape]:
    """Makes what `folder` lacks. `vocabulary`: a folder with PhoBERT's; without it there is no base shape."""
    shapes = [Shape("compact", "syllable", folder / "compact")]
    if not shapes[0].folder.exists():
        shapes[0].folder.parent.mkdir(parents=True, exist_ok=True)
        shapes[0].folder.symlink_to(COMPACT)
    if vocabulary:
        shapes.append(Shape("base", "underthesea", folder / "base"))
        if not shapes[1].folder.exists():
            _random_base(shapes[1].folder, vocabulary)
    for shape in shapes:
        for name, (form, int8) in EXPORTS.items():
            if not shape.export(name).exists():
                print(f"making {shape.name}, {name}", flush=True)
                export(shape.folder, shape.export(name), texts, int8=int8, form=form, bounds=ANYTHING)
        if not (before := shape.export("onnx int8") / BEFORE_FILE).exists():
            checkpoint = RobertaForTokenClassification.from_pretrained(shape.folder, dtype=torch.float32).eval()
            write_onnx(checkpoint, before, [], fused=False)
    return shapes


def _random_base(folder: Path, vocabulary: Path) -> None:
    """12 layers of 768, 64,000 pieces, weights as before any training; the head leans to O, as trained ones do."""
    bpe = PhobertBpe.load(vocabulary / "vocab.txt", vocabulary / "bpe.codes")
    shape = RobertaConfig(
        vocab_size=bpe.size,
        max_position_embeddings=258,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        id2label=LABELS.id2label,
        label2id=LABELS.label2id,
    )
    torch.manual_seed(0)
    model = RobertaForTokenClassification(shape).eval()
    model.classifier.bias.data[0] = 1.2
    encoder = {"path": str(vocabulary), "segmenter": "underthesea", "max_pieces": 256}
    config = TrainConfig.model_validate({"name": "base shape", "output": str(folder), "encoder": encoder, "data": {}})
    text_side = Encoder(load_segmenter("underthesea"), bpe)
    package_run(model, text_side, vocabulary, config, folder, data={}, metrics={})
