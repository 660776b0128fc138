"""Exports a checkpoint for ONNX Runtime or OpenVINO, in fp32 or int8, and checks it on real text.

An export that changes more than its bound allows is not written.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import RobertaForTokenClassification

from nghiquyet.artefact import Artefact, open_artefact
from nghiquyet.backends import ONNX_FILE, OPENVINO_FILE, Backend, OnnxBackend, OpenVinoBackend, TorchBackend
from nghiquyet.decode import Decoder
from nghiquyet.documents import Document
from nghiquyet.encode import Encoder
from nghiquyet.errors import ArtefactError, ConfigError
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import MICRO, score
from nghiquyet.windows import make_windows, pad
from nghiquyet_training.encoder_source import build_encoder
from nghiquyet_training.formats import Ids, write_onnx, write_openvino
from nghiquyet_training.package import VOCABULARY, finish_artefact
from nghiquyet_training.trainer import predict_documents


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an export may lose: F1 on gold documents, and the share of words whose label changes on any text."""

    f1: float
    labels: float


FP32_BOUNDS = Bounds(f1=0.001, labels=0.001)
INT8_BOUNDS = Bounds(f1=0.005, labels=0.02)


@dataclass(frozen=True, slots=True)
class Parity:
    """How far an export agrees with its checkpoint: shares of words with the same best tag, of spans found by both.

    `f1_checkpoint` and `f1` are on the gold documents, where there were any.
    """

    words: int
    equal_labels: float
    spans: int
    equal_spans: float
    f1_checkpoint: float | None = None
    f1: float | None = None

    def in_words(self) -> str:
        found = (
            f"{self.equal_labels:.2%} of {self.words} labels equal, {self.equal_spans:.2%} of {self.spans} spans equal"
        )
        return found if self.f1 is None else f"{found}, F1 {self.f1:.4f} for {self.f1_checkpoint:.4f}"


@dataclass(frozen=True, slots=True)
class Form:
    """A form of export: what writes it, from a model and windows to calibrate on, and what runs it."""

    file: str
    write: Callable[[RobertaForTokenClassification, Path, Sequence[Ids] | None], None]
    run: Callable[[Path], Backend]


FORMS = {
    "onnx": Form(ONNX_FILE, write_onnx, OnnxBackend),
    "openvino": Form(OPENVINO_FILE, write_openvino, OpenVinoBackend),
}


def export(
    model: Path,
    output: Path,
    texts: Sequence[str],
    *,
    int8: bool,
    form: str = "onnx",
    gold: Sequence[Document] = (),
    bounds: Bounds | None = None,
) -> Parity:
    """Writes a model folder with the export in place of the checkpoint; returns its parity on `texts` and `gold`.

    `texts` also calibrate the scales of an int8 model for OpenVINO. `bounds`: None takes those of the precision.
    The figures of the checkpoint are not those of the export, so they are left out: measure it and `record` them.
    Raises ArtefactError where the export loses more than its bounds allow.
    """
    artefact = open_artefact(model)
    if output.exists():
        raise ConfigError(f"{output} exists already; name a folder that does not")
    checkpoint = _checkpoint(artefact)
    encoder = build_encoder(artefact.folder, artefact.manifest.segmenter)
    reference = _predictor(artefact, encoder, TorchBackend(checkpoint))
    kind = FORMS[form]
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "model"
        staged.mkdir()
        kind.write(
            checkpoint, staged / kind.file, _windows(encoder, artefact.manifest.max_pieces, texts) if int8 else None
        )
        for name in ("config.json", *VOCABULARY):
            shutil.copyfile(artefact.file(name), staged / name)
        exported = _predictor(artefact, encoder, kind.run(staged / kind.file))
        parity = compare(reference, exported, texts, gold)
        _refuse(parity, bounds or (INT8_BOUNDS if int8 else FP32_BOUNDS))
        figures = {key: round(value, 4) for key, value in asdict(parity).items() if value is not None}
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


def compare(left: Predictor, right: Predictor, texts: Sequence[str], gold: Sequence[Document] = ()) -> Parity:
    """Agreement of two predictors on the same texts, and the F1 of both where there is gold."""
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
    f1 = [score(gold, predict_documents(side, gold))[MICRO].counts.f1 for side in (left, right)] if gold else []
    return Parity(words, same / words, either, both / max(1, either), *f1)


def _checkpoint(artefact: Artefact) -> RobertaForTokenClassification:
    folder = artefact.file("model.safetensors").parent
    model: RobertaForTokenClassification = RobertaForTokenClassification.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    model.eval()
    return model


def _predictor(artefact: Artefact, encoder: Encoder, backend: Backend) -> Predictor:
    manifest = artefact.manifest
    return Predictor(
        encoder,
        backend,
        max_pieces=manifest.max_pieces,
        decoder=Decoder(manifest.transitions),
        temperature=manifest.temperature,
        min_score=manifest.min_score,
    )


def _windows(encoder: Encoder, max_pieces: int, texts: Sequence[str]) -> list[Ids]:
    """The ids (1, T) of each window of `texts`."""
    return [pad([window]) for text in texts for window in make_windows(encoder.encode(text), max_pieces)]


def _refuse(parity: Parity, bounds: Bounds) -> None:
    changed = 1 - parity.equal_labels
    if changed > bounds.labels:
        raise ArtefactError(
            f"the export gives another label for {changed:.1%} of the words, more than {bounds.labels:.1%}; "
            "not written. Allow more with --max-changed, or export in fp32"
        )
    if parity.f1 is not None and parity.f1_checkpoint is not None and parity.f1_checkpoint - parity.f1 > bounds.f1:
        raise ArtefactError(
            f"the export has F1 {parity.f1:.4f}, the checkpoint {parity.f1_checkpoint:.4f}: it loses more than "
            f"{bounds.f1:.4f}; not written. Allow more with --max-loss, or export in fp32"
        )
