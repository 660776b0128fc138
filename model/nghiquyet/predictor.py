"""`Predictor`: text in, entities out, with exact offsets into the caller's own string."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import sleep
from typing import Self

from nghiquyet.artefact import DEFAULT_MODEL, Artefact, OperatingPoint, open_artefact
from nghiquyet.backends import Backend, BackendName, Dtype, load_backend
from nghiquyet.bpe import PhobertBpe
from nghiquyet.decode import Decoder, Floats, entities
from nghiquyet.documents import Entity
from nghiquyet.encode import Encoded, Encoder
from nghiquyet.engine import Engine, Job
from nghiquyet.errors import ArtefactError, ConfigError, InputError, NghiquyetError
from nghiquyet.segment import Segmenter, load_segmenter
from nghiquyet.windows import MAX_PIECES, Window, make_windows


class Predictor:
    """Finds entities with one model. Safe to share between threads; loading is what costs, so keep it."""

    def __init__(
        self,
        encoder: Encoder,
        backend: Backend,
        *,
        max_pieces: int = MAX_PIECES,
        overlap: int | None = None,
        decoder: Decoder | None = None,
        temperature: float = 1.0,
        min_score: float = 0.0,
        artefact: Artefact | None = None,
    ) -> None:
        self.encoder = encoder
        self.backend = backend
        self.max_pieces = max_pieces
        self.overlap = overlap
        self.decoder = decoder or Decoder()
        self.temperature = temperature
        self.min_score = min_score
        self.artefact = artefact

    @classmethod
    def load(
        cls,
        path_or_id: str | Path = DEFAULT_MODEL,
        *,
        backend: BackendName | None = None,
        segmenter: Segmenter | str | None = None,
        threads: int | None = None,
        dtype: Dtype | None = None,
    ) -> Self:
        """Loads a bundled model by name, a model folder, or a Hub id.

        `backend`: `onnx`; `openvino` and `torch` with the extras of these names; None takes the first of these
        that the folder has a model for.
        `segmenter`: None takes the one that the model was trained with; another is used at the caller's risk.
        `threads`: None takes all cores.
        `dtype`: what torch and OpenVINO compute in, `fp32` unless `bf16` is asked for.
        Raises ArtefactError where the folder, its hashes, labels or segmenter do not fit.
        """
        artefact = open_artefact(path_or_id)
        bpe = PhobertBpe.load(artefact.file("vocab.txt"), artefact.file("bpe.codes"))
        encoder = Encoder(_segmenter(artefact, segmenter), bpe)
        return cls(
            encoder,
            load_backend(artefact, backend, threads, dtype),
            max_pieces=artefact.manifest.max_pieces,
            decoder=Decoder(artefact.manifest.transitions),
            temperature=artefact.manifest.temperature,
            min_score=artefact.manifest.min_score,
            artefact=artefact,
        )

    def predict(self, text: str, *, min_score: float | None = None) -> list[Entity]:
        """The entities of `text`, sorted, without overlap; `text[e.start:e.end] == e.text`. Blank text has none.

        `min_score`: leave out what scores less. None takes the model's own, which brought the best F1 on its
        development data; 0 leaves nothing out; `min_score_for` gives the one for a wanted precision.
        """
        return next(self.stream([text], min_score=min_score))

    def predict_batch(
        self, texts: Iterable[str], *, batch_size: int | None = None, min_score: float | None = None
    ) -> list[list[Entity]]:
        """`predict` for each of `texts`, in their order, with all threads.

        `batch_size`: windows run in one call; None takes what suits the backend. With 1 no text can change the answer
        to another; so it is by default with ONNX Runtime.
        """
        return list(self._stream(texts, "predict_batch", batch_size, min_score))

    def stream(
        self, texts: Iterable[str], *, batch_size: int | None = None, min_score: float | None = None
    ) -> Iterator[list[Entity]]:
        """`predict_batch` text by text, in constant memory: twice 64 windows are read ahead, or 8 for each of a batch.

        An error is raised in its place: all texts before it are answered.
        """
        return self._stream(texts, "stream", batch_size, min_score)

    def answers(
        self, texts: Iterable[str], *, batch_size: int | None = None, min_score: float | None = None
    ) -> Iterator[list[Entity] | NghiquyetError]:
        """As `stream`, but a text that cannot be worked on does not end it: its error is its answer."""
        min_score = self.min_score if min_score is None else min_score
        if not 0.0 <= min_score <= 1.0:
            raise ConfigError(f"min_score is {min_score}; needed a probability, from 0 to 1")
        if batch_size is not None and batch_size < 1:
            raise ConfigError(f"batch_size is {batch_size}; needed at least 1")
        with self._engine(batch_size) as engine:
            begun: deque[tuple[list[_Prepared], Job]] = deque()
            broken: list[Exception] = []
            for chunk, job in _jobs(self._read(texts, broken), engine):
                begun.append((chunk, job))
                if len(begun) > 1:  # one is answered while the other runs
                    yield from self._finish(*begun.popleft(), min_score)
            for chunk, job in begun:
                yield from self._finish(chunk, job, min_score)
            if broken:
                raise broken[0]

    def word_logits(self, encoded: Sequence[Encoded], batch_size: int | None = None) -> list[Floats]:
        """Label logits (words, L) for each text, from each word's first piece."""
        with self._engine(batch_size) as engine:
            job = engine.job()
            for each in encoded:
                job.add(self._windows(each))
            return job.word_logits()

    def min_score_for(self, precision: float) -> OperatingPoint:
        """The lowest score at which the model was this precise on its development data, and the recall it left.

        Raises ConfigError where the model was never so precise, or its manifest says nothing of it.
        """
        points = self._operating_points()
        reached = [point for point in points if point.precision >= precision]
        if not reached:
            best = max(point.precision for point in points)
            raise ConfigError(f"precision {precision} was never reached; at most {best:.3f}: ask for no more than that")
        return min(reached, key=lambda point: point.min_score)

    def operating_point(self, min_score: float) -> OperatingPoint:
        """What a least score brought on the model's development data: the nearest point that is not above it."""
        points = self._operating_points()
        below = [point for point in points if point.min_score <= min_score]
        return max(below or points[:1], key=lambda point: point.min_score)

    def _operating_points(self) -> Sequence[OperatingPoint]:
        points = self.artefact.manifest.operating_points if self.artefact else ()
        if not points:
            raise ConfigError("this model's manifest has no operating points; make them: nghiquyet-train calibrate")
        return points

    def _stream(
        self, texts: Iterable[str], call: str, batch_size: int | None, min_score: float | None
    ) -> Iterator[list[Entity]]:
        for answer in self.answers(_several(texts, call), batch_size=batch_size, min_score=min_score):
            if isinstance(answer, NghiquyetError):
                raise answer
            yield answer

    def _read(self, texts: Iterable[str], broken: list[Exception]) -> Iterator["_Prepared"]:
        """The texts in windows, up to the end or an error of the caller's own iterator, which is put into `broken`."""
        try:
            for index, text in enumerate(texts):
                try:
                    encoded = self.encoder.encode(_checked(text, index))
                    yield _Prepared(text, encoded, self._windows(encoded))
                except NghiquyetError as error:
                    yield _Prepared("", NOTHING, [], error)
        except Exception as error:
            broken.append(error)

    def _finish(self, chunk: list["_Prepared"], job: Job, min_score: float) -> Iterator[list[Entity] | NghiquyetError]:
        logits = [each / self.temperature for each in job.word_logits()]
        spans = self.decoder.decode_all(logits, [text.encoded.lines for text in chunk])
        for text, some in zip(chunk, spans, strict=True):
            kept = [span for span in some if span.score >= min_score]
            yield text.error or list(entities(text.source, text.encoded, kept))

    def _engine(self, batch_size: int | None) -> Engine:
        return Engine(self.backend, batch_size, self.max_pieces)

    def _windows(self, encoded: Encoded) -> list[Window]:
        return make_windows(encoded, self.max_pieces, self.overlap)

    def decode(self, text: str, encoded: Encoded, logits: Floats) -> list[Entity]:
        """The entities that label logits (words, L) say, as `predict` gives them."""
        return list(entities(text, encoded, self.decoder.decode(logits / self.temperature, encoded.lines)))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A text ready to run, or the error that it gave."""

    source: str
    encoded: Encoded
    windows: list[Window]
    error: NghiquyetError | None = None


NOTHING = Encoded([], [], [])


def _jobs(texts: Iterable[_Prepared], engine: Engine) -> Iterator[tuple[list[_Prepared], Job]]:
    """Texts that have `read_ahead` windows together, the last ones fewer, on their way; a blank text counts as one."""
    chunk: list[_Prepared] = []
    job, size = engine.job(), 0
    for text in texts:
        chunk.append(text)
        job.add(text.windows)
        sleep(0)  # between two texts a thread that waits for the interpreter may have it
        size += max(1, len(text.windows))
        if size >= engine.read_ahead:
            job.start()
            yield chunk, job
            chunk, job, size = [], engine.job(), 0
    if chunk:
        job.start()
        yield chunk, job


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


@cache
def default_predictor() -> Predictor:
    """The bundled model, loaded once a process."""
    return Predictor.load()


def predict(text: str, *, min_score: float | None = None) -> list[Entity]:
    """The entities of `text` by the bundled model; see `Predictor.predict`."""
    return default_predictor().predict(text, min_score=min_score)


def predict_batch(
    texts: Iterable[str], *, batch_size: int | None = None, min_score: float | None = None
) -> list[list[Entity]]:
    """The entities of each of `texts` by the bundled model; see `Predictor.predict_batch`."""
    return default_predictor().predict_batch(texts, batch_size=batch_size, min_score=min_score)
