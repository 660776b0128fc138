"""What is measured: this package with each backend, and what people use instead, each as texts in, entities out."""

import copy
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.models import BEFORE_FILE, COMPACT, EXPORTS, Shape
from nghiquyet.backends import OnnxBackend
from nghiquyet.documents import Document
from nghiquyet.encode import Encoder
from nghiquyet.normalize import iter_lines
from nghiquyet.predictor import Predictor
from nghiquyet.segment import Segmenter, Word, load_segmenter

Run = Callable[[Sequence[str], Segmenter | None], object]
"""Texts, and a segmenter that knows their words beforehand, or None: then words are found as part of the work."""

BEFORE = "onnx int8, batches of 16, threads inside a call"
PIPELINES = {f"pipeline, batches of {size}": size for size in (1, 8)}


@dataclass(frozen=True, slots=True)
class Contender:
    """`shape`: base, compact, or "" for what has a model of its own, whose words cannot be given beforehand."""

    name: str
    shape: str
    load: Callable[[], Run]

    @property
    def key(self) -> str:
        return f"{self.shape}, {self.name}" if self.shape else self.name


def contenders(shapes: Iterable[Shape], gold: Sequence[Document]) -> list[Contender]:
    """All of them; `gold` is what the CRF is trained on."""
    found = []
    for shape in shapes:
        found += [Contender(name, shape.name, partial(_ours, *model)) for name, model in models_of(shape).items()]
        found.append(Contender(BEFORE, shape.name, partial(as_before, shape.export("onnx int8"))))
        found += [Contender(name, shape.name, partial(_pipeline, shape, size)) for name, size in PIPELINES.items()]
    return [*found, Contender("CRF", "", partial(_crf, gold)), Contender("underthesea ner", "", _underthesea)]


class GivenWords:
    """A segmenter that only looks up the lines of some texts."""

    def __init__(self, segmenter: str, texts: Sequence[str]) -> None:
        real = load_segmenter(segmenter)
        self.name, self.version = real.name, real.version
        self._words = {line.text: real.segment(line.text) for text in texts for line in iter_lines(text)}

    def segment(self, line: str) -> list[Word]:
        return self._words[line]


def models_of(shape: Shape) -> dict[str, tuple[Path, dict[str, Any]]]:
    """A folder and the options of `Predictor.load`, for each backend and precision."""
    found: dict[str, tuple[Path, dict[str, Any]]] = {
        name: (shape.export(name), {"backend": form}) for name, (form, _) in EXPORTS.items()
    }
    found["openvino bf16"] = (shape.export("openvino fp32"), {"backend": "openvino", "dtype": "bf16"})
    found["torch fp32"] = (shape.folder, {"backend": "torch"})
    found["torch bf16"] = (shape.folder, {"backend": "torch", "dtype": "bf16"})
    return found


def _ours(folder: Path, options: dict[str, Any]) -> Run:
    return _predicting(Predictor.load(folder, **options))


def _predicting(predictor: Predictor, batch_size: int | None = None) -> Run:
    def run(texts: Sequence[str], given: Segmenter | None = None) -> object:
        chosen = predictor
        if given is not None:
            chosen = copy.copy(predictor)
            chosen.encoder = Encoder(given, predictor.encoder.bpe)
        return chosen.predict_batch(texts, batch_size=batch_size)

    return run


def as_before(folder: Path) -> Run:
    """The first engine of this package: windows in batches, the cores share a call, all of the runtime's fusions."""
    import onnxruntime as ort

    predictor = Predictor.load(folder)
    backend = predictor.backend
    assert isinstance(backend, OnnxBackend)
    options = ort.SessionOptions()
    options.intra_op_num_threads, backend.calls = backend.calls, 1
    backend.session = ort.InferenceSession(str(folder / BEFORE_FILE), options)
    backend.has_mask, backend.length_step = True, 0
    return _predicting(predictor, batch_size=16)


def _pipeline(shape: Shape, batch_size: int) -> Run:
    """The pipeline of transformers over words apart by spaces, as its tokenizer wants them; in fp32, its default."""
    import torch
    from transformers import PhobertTokenizer, RobertaForTokenClassification, pipeline

    model = RobertaForTokenClassification.from_pretrained(shape.folder, dtype=torch.float32)
    tokenizer = PhobertTokenizer.from_pretrained(shape.folder)
    tagger = pipeline("token-classification", model=model, tokenizer=tokenizer, batch_size=batch_size, device=-1)
    segmenter = load_segmenter(shape.segmenter)

    def run(texts: Sequence[str], given: Segmenter | None = None) -> object:
        lines = [line.text for text in texts for line in iter_lines(text) if line.text.strip()]
        return tagger([joined(line, given or segmenter) for line in lines])

    return run


def joined(line: str, segmenter: Segmenter) -> str:
    """The words of a line apart by spaces, the syllables of a word by underscores."""
    return " ".join("_".join(line[start:end].split()) for start, end in segmenter.segment(line))


def _crf(gold: Sequence[Document]) -> Run:
    from nghiquyet_training.crf import CrfTagger, train_crf
    from nghiquyet_training.encoder_source import build_encoder

    encoder = build_encoder(COMPACT, "syllable")
    path = Path(tempfile.mkdtemp()) / "crf"
    train_crf(gold, encoder, path)
    tagger = CrfTagger(path, encoder)

    def run(texts: Sequence[str], given: Segmenter | None = None) -> object:
        return [tagger.predict(Document("", text, ())) for text in texts]

    return run


def _underthesea() -> Run:
    from underthesea import ner

    def run(texts: Sequence[str], given: Segmenter | None = None) -> object:
        return [ner(line.text) for text in texts for line in iter_lines(text)]

    return run
