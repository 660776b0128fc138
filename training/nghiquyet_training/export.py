"""Exports a checkpoint to ONNX, in fp32 or int8, and checks the result against the checkpoint on real text."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor
from transformers import RobertaForTokenClassification

from nghiquyet.artefact import Manifest, open_artefact
from nghiquyet.backends import ONNX_FILE, Backend, OnnxBackend, TorchBackend
from nghiquyet.bpe import UNK_ID
from nghiquyet.errors import ArtefactError, ConfigError
from nghiquyet.predictor import Predictor
from nghiquyet_training.package import VOCABULARY, finish_artefact

OPSET = 18
FP32_BOUND = 0.999  # share of equal labels under which an fp32 export is taken for broken


@dataclass(frozen=True, slots=True)
class Parity:
    """How far an export agrees with its checkpoint: shares of words with the same best tag, of spans found by both."""

    words: int
    equal_labels: float
    spans: int
    equal_spans: float


class _Logits(torch.nn.Module):
    """The model with plain tensors in and out."""

    def __init__(self, model: RobertaForTokenClassification) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids, attention_mask=attention_mask).logits
        return logits


def export(model: Path, output: Path, texts: Sequence[str], *, int8: bool) -> Parity:
    """Writes a model folder with `model.onnx` in place of the checkpoint; returns its parity on `texts`."""
    artefact = open_artefact(model)
    if output.exists():
        raise ConfigError(f"{output} exists already; name a folder that does not")
    if not texts:
        raise ConfigError("no texts to check the export on: give some with --texts")
    checkpoint = artefact.file("model.safetensors").parent
    torch_model = RobertaForTokenClassification.from_pretrained(
        checkpoint, local_files_only=True, use_safetensors=True, dtype=torch.float32, attn_implementation="eager"
    )
    torch_model.eval()
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "model"
        staged.mkdir()
        _write_onnx(torch_model, staged / ONNX_FILE, int8=int8)
        for name in ("config.json", *VOCABULARY):
            shutil.copyfile(artefact.file(name), staged / name)
        reference = Predictor.load(model, backend="torch")
        parity = compare(reference, TorchBackend(torch_model), OnnxBackend(staged / ONNX_FILE), texts)
        if not int8 and parity.equal_labels < FP32_BOUND:
            raise ArtefactError(
                f"the export gives another label for {1 - parity.equal_labels:.1%} of the words; not written"
            )
        precision = "int8" if int8 else "fp32"
        finish_artefact(staged, _with_parity(artefact.manifest, parity, precision))
        shutil.copytree(staged, output)
    return parity


def _write_onnx(model: RobertaForTokenClassification, path: Path, *, int8: bool) -> None:
    ids = torch.randint(UNK_ID + 1, model.config.vocab_size - 1, (2, 16))
    plain = path.with_suffix(".fp32.onnx")
    axes = {"input_ids": {0: "batch", 1: "pieces"}, "attention_mask": {0: "batch", 1: "pieces"}}
    torch.onnx.export(
        _Logits(model).eval(),  # a module in training mode comes back in it: the exporter restores the flag
        (ids, torch.ones_like(ids)),
        str(plain),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={**axes, "logits": {0: "batch", 1: "pieces"}},
        opset_version=OPSET,
        dynamo=False,
    )
    if int8:
        quantize_dynamic(plain, path, per_channel=True, weight_type=QuantType.QInt8)
        plain.unlink()
    else:
        plain.rename(path)


def _with_parity(manifest: Manifest, parity: Parity, precision: str) -> Manifest:
    fields: dict[str, Any] = {name: getattr(manifest, name) for name in Manifest.__dataclass_fields__}
    figures = {key: round(value, 4) for key, value in asdict(parity).items()}
    fields["metrics"] = {**manifest.metrics, f"parity of {precision} with the checkpoint": figures}
    return Manifest(**fields)


def compare(predictor: Predictor, reference: Backend, other: Backend, texts: Sequence[str]) -> Parity:
    """Agreement of two backends behind the text side of `predictor`."""
    left, right = (
        Predictor(predictor.encoder, backend, max_pieces=predictor.max_pieces) for backend in (reference, other)
    )
    encoded = [predictor.encoder.encode(text) for text in texts]
    tags = [np.concatenate([x.argmax(axis=1) for x in side.word_logits(encoded)]) for side in (left, right)]
    both = either = 0
    for text in texts:
        a, b = ({entity.key for entity in side.predict(text)} for side in (left, right))
        both += len(a & b)
        either += len(a | b)
    words = len(tags[0])
    return Parity(words, int((tags[0] == tags[1]).sum()) / max(1, words), either, both / max(1, either))
