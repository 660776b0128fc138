"""Exports a checkpoint to ONNX, in fp32 or int8, and checks the result against the checkpoint on real text."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor
from transformers import RobertaForTokenClassification

from nghiquyet.artefact import open_artefact
from nghiquyet.backends import ONNX_FILE, OnnxBackend, TorchBackend
from nghiquyet.bpe import UNK_ID
from nghiquyet.errors import ArtefactError, ConfigError
from nghiquyet.predictor import Predictor
from nghiquyet_training.encoder_source import build_encoder
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
    """Writes a model folder with `model.onnx` in place of the checkpoint; returns its parity on `texts`.

    The figures of the checkpoint are not those of the export, so they are left out: measure it and `record` them.
    """
    artefact = open_artefact(model)
    if output.exists():
        raise ConfigError(f"{output} exists already; name a folder that does not")
    folder = artefact.file("model.safetensors").parent
    checkpoint = RobertaForTokenClassification.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, attn_implementation="eager"
    )
    checkpoint.eval()
    encoder = build_encoder(folder, artefact.manifest.segmenter)
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "model"
        staged.mkdir()
        _write_onnx(checkpoint, staged / ONNX_FILE, int8=int8)
        for name in ("config.json", *VOCABULARY):
            shutil.copyfile(artefact.file(name), staged / name)
        reference, exported = (
            Predictor(encoder, backend, max_pieces=artefact.manifest.max_pieces)
            for backend in (TorchBackend(checkpoint), OnnxBackend(staged / ONNX_FILE))
        )
        parity = compare(reference, exported, texts)
        if not int8 and parity.equal_labels < FP32_BOUND:
            share = 1 - parity.equal_labels
            raise ArtefactError(f"the export gives another label for {share:.1%} of the words; not written")
        figures = {key: round(value, 4) for key, value in asdict(parity).items()}
        metrics = {f"parity of {'int8' if int8 else 'fp32'} with the checkpoint": figures}
        finish_artefact(staged, replace(artefact.manifest, metrics=metrics))
        shutil.copytree(staged, output)
    return parity


def record(folder: Path, part: str, rows: Mapping[str, Any], failures: Sequence[str] = ()) -> None:
    """Adds the scores of a part of the data, and examples of errors, to a model's manifest and card."""
    manifest = open_artefact(folder).manifest
    metrics = {**manifest.metrics, part: rows}
    examples = {**manifest.failures, part: failures} if failures else manifest.failures
    finish_artefact(folder, replace(manifest, metrics=metrics, failures=examples))


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


def compare(left: Predictor, right: Predictor, texts: Sequence[str]) -> Parity:
    """Agreement of two predictors on the same texts."""
    both = either = same = words = 0
    for text in texts:
        encoded = left.encoder.encode(text)
        a, b = (side.word_logits([encoded])[0] for side in (left, right))
        same += int((a.argmax(axis=1) == b.argmax(axis=1)).sum())
        words += len(encoded)
        spans = [{(s.first, s.last, s.label) for s in left.decoder.decode(each, encoded.lines)} for each in (a, b)]
        both += len(spans[0] & spans[1])
        either += len(spans[0] | spans[1])
    if not words:
        raise ConfigError("no words to check the export on: give texts that are not blank with --texts")
    return Parity(words, same / words, either, both / max(1, either))
