"""`Predictor`: text in, entities out, with exact offsets into the caller's own string."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal, Self, TypeVar

import numpy as np

from nghiquyet.artefact import DEFAULT_MODEL, Artefact, OperatingPoint, open_artefact
from nghiquyet.backends import ONNX_FILE, TORCH_FILE, Backend, OnnxBackend, TorchBackend
from nghiquyet.bpe import PhobertBpe
from nghiquyet.decode import Decoder, Floats, entities
from nghiquyet.documents import Entity
from nghiquyet.encode import Encoded, Encoder
from nghiquyet.errors import ArtefactError, ConfigError, InputError
from nghiquyet.labels import LABELS
from nghiquyet.segment import Segmenter, load_segmenter
from nghiquyet.windows import MAX_PIECES, Window, make_windows, pad

BackendName = Literal["onnx", "torch"]
# Windows. An int8 model scales activations over the batch: only at 1 is the answer the same in any company.
BATCH_SIZE = 1
READ_AHEAD = 8  # texts for each window of a batch

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter (itertools has it from Python 3.12 on)."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


class Predictor:
    """Finds entities with one model. Safe to share between threads; loading is what costs, so keep it."""

    def __init__(
        self,
        encoder: Encoder,
        backend: Backend,
        *,
        max_pieces: int = MAX_PIECES,
        overlap: int | None = None,
        temperature: float = 1.0,
        artefact: Artefact | None = None,
    ) -> None:
        self.encoder = encoder
        self.backend = backend
        self.max_pieces = max_pieces
        self.overlap = overlap
        self.temperature = temperature
        self.artefact = artefact
        self._decoder = Decoder()

    @classmethod
    def load(
        cls,
        path_or_id: str | Path = DEFAULT_MODEL,
        *,
        backend: BackendName | None = None,
        segmenter: Segmenter | str | None = None,
        threads: int | None = None,
    ) -> Self:
        """Loads a bundled model by name, a model folder, or a Hub id.

        `backend`: `onnx`, or `torch` with the extra of that name; None takes ONNX where the folder has it.
        `segmenter`: None takes the one that the model was trained with; another is used at the caller's risk.
        `threads`: None takes all cores.
        Raises ArtefactError where the folder, its hashes, labels or segmenter do not fit.
        """
        artefact = open_artefact(path_or_id)
        bpe = PhobertBpe.load(artefact.file("vocab.txt"), artefact.file("bpe.codes"))
        encoder = Encoder(_segmenter(artefact, segmenter), bpe)
        return cls(
            encoder,
            _backend(artefact, backend, threads),
            max_pieces=artefact.manifest.max_pieces,
            temperature=artefact.manifest.temperature,
            artefact=artefact,
        )

    def predict(self, text: str, *, min_score: float = 0.0) -> list[Entity]:
        """The entities of `text`, sorted, without overlap; `text[e.start:e.end] == e.text`. Blank text has none.

        `min_score`: leave out what scores less; `min_score_for` gives the one for a wanted precision.
        """
        return self._predict_all([text], BATCH_SIZE, min_score)[0]

    def predict_batch(
        self, texts: Iterable[str], *, batch_size: int = BATCH_SIZE, min_score: float = 0.0
    ) -> list[list[Entity]]:
        """`predict` for each of `texts`, in their order. `batch_size`: windows of at most 256 pieces run at once."""
        return self._predict_all(_several(texts, "predict_batch"), batch_size, min_score)

    def stream(
        self, texts: Iterable[str], *, batch_size: int = BATCH_SIZE, min_score: float = 0.0
    ) -> Iterator[list[Entity]]:
        """`predict` for each text as it comes, in order and in constant memory.

        With `batch_size` above 1 texts are read ahead, 8 for each window of a batch.
        """
        _check_batch_size(batch_size)
        chunk = 1 if batch_size == 1 else READ_AHEAD * batch_size
        for number, some in enumerate(batched(_several(texts, "stream"), chunk)):
            yield from self._predict_all(some, batch_size, min_score, first=number * chunk)

    def min_score_for(self, precision: float) -> OperatingPoint:
        """The lowest score at which the model was this precise on its development data, and the recall it left.

        Raises ConfigError where the model was never so precise, or its manifest says nothing of it.
        """
        points = self.artefact.manifest.operating_points if self.artefact else ()
        if not points:
            raise ConfigError("this model's manifest has no operating points; make them: nghiquyet-train calibrate")
        reached = [point for point in points if point.precision >= precision]
        if not reached:
            best = max(point.precision for point in points)
            raise ConfigError(f"precision {precision} was never reached; at most {best:.3f}: ask for no more than that")
        return min(reached, key=lambda point: point.min_score)

    def _predict_all(
        self, texts: Iterable[str], batch_size: int, min_score: float, first: int = 0
    ) -> list[list[Entity]]:
        _check_batch_size(batch_size)
        if not 0.0 <= min_score <= 1.0:
            raise ConfigError(f"min_score is {min_score}; needed a probability, from 0 to 1")
        checked = [_checked(text, i) for i, text in enumerate(texts, start=first)]
        encoded = [self.encoder.encode(text) for text in checked]
        logits = self.word_logits(encoded, batch_size)
        found = (self._entities(*each) for each in zip(checked, encoded, logits, strict=True))
        return [[e for e in each if e.score >= min_score] for each in found]

    def word_logits(self, encoded: Sequence[Encoded], batch_size: int = BATCH_SIZE) -> list[Floats]:
        """Label logits (words, L) for each text, from each word's first piece; windows of like length run together."""
        logits: list[Floats] = [np.empty((len(each), len(LABELS.tags)), dtype=np.float32) for each in encoded]
        windows = [(i, window) for i, each in enumerate(encoded) for window in self._windows(each)]
        windows.sort(key=lambda item: len(item[1].ids))
        for batch in batched(windows, batch_size):
            output = self.backend(pad([window for _, window in batch]))  # (B, T, L)
            for (i, window), rows in zip(batch, output, strict=True):
                first, last = window.own
                heads = window.heads[first - window.first : last - window.first]
                logits[i][first:last] = rows[heads]
        return logits

    def _windows(self, encoded: Encoded) -> list[Window]:
        return make_windows(encoded, self.max_pieces, self.overlap)

    def _entities(self, text: str, encoded: Encoded, logits: Floats) -> list[Entity]:
        return list(entities(text, encoded, self._decoder.decode(logits / self.temperature, encoded.lines)))


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}; needed at least 1")


def _several(texts: Iterable[str], call: str) -> Iterable[str]:
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        raise InputError(f"{call} got {type(texts).__name__}; needed several strings: {call}([text])")
    return texts


def _checked(text: object, index: int) -> str:
    if not isinstance(text, str):
        kind = type(text).__name__
        mend = "; decode it first: text.decode('utf-8')" if isinstance(text, bytes) else ""
        raise InputError(f"text {index} is {kind}, needed str{mend}")
    return text


def _segmenter(artefact: Artefact, wanted: Segmenter | str | None) -> Segmenter:
    if wanted is not None:
        return load_segmenter(wanted) if isinstance(wanted, str) else wanted
    manifest = artefact.manifest
    segmenter = load_segmenter(manifest.segmenter)
    if segmenter.version != manifest.segmenter_version:
        raise ArtefactError(
            f"{artefact.folder} was trained with {manifest.segmenter} {manifest.segmenter_version}, installed is "
            f"{segmenter.version}: install that version, or pass segmenter={manifest.segmenter!r} "
            "to use this one all the same"
        )
    return segmenter


def _backend(artefact: Artefact, name: str | None, threads: int | None) -> Backend:
    if name is None:
        name = "onnx" if ONNX_FILE in artefact.manifest.files else "torch"
    if name == "onnx":
        return OnnxBackend(artefact.file(ONNX_FILE), threads)
    if name == "torch":
        for needed in ("config.json", TORCH_FILE):
            artefact.file(needed)
        return TorchBackend.load(artefact.folder, threads)
    raise ConfigError(f"no backend is called {name!r}; there are: onnx, torch")


@cache
def default_predictor() -> Predictor:
    """The bundled model, loaded once a process."""
    return Predictor.load()


def predict(text: str, *, min_score: float = 0.0) -> list[Entity]:
    """The entities of `text` by the bundled model; see `Predictor.predict`."""
    return default_predictor().predict(text, min_score=min_score)


def predict_batch(texts: Iterable[str], *, batch_size: int = BATCH_SIZE, min_score: float = 0.0) -> list[list[Entity]]:
    """The entities of each of `texts` by the bundled model; see `Predictor.predict_batch`."""
    return default_predictor().predict_batch(texts, batch_size=batch_size, min_score=min_score)
