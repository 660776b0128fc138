"""Several models as one: what they agree on teaches a student (distillation, Hinton et al. 2015)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nghiquyet.decode import Decoder, Floats, log_softmax
from nghiquyet.documents import Document, Entity
from nghiquyet.encode import Encoded, Encoder
from nghiquyet.errors import ConfigError
from nghiquyet.predictor import Predictor
from nghiquyet_training.crf import TINY, CrfTagger

BATCH = 16  # windows


@dataclass(frozen=True, slots=True)
class Teachers:
    """Token classifiers over the same words, and a CRF whose say is `crf_share` of the whole."""

    models: Sequence[Predictor]
    crf: CrfTagger | None = None
    crf_share: float = 0.5

    def __post_init__(self) -> None:
        segmenters = {(p.encoder.segmenter.name, p.encoder.segmenter.version) for p in self.models}
        if len(segmenters) > 1:
            raise ConfigError(f"the models cut words by {sorted(segmenters)}; needed one and the same segmenter")
        if not self.models and self.crf is None:
            raise ConfigError("no teachers: name a model, or a CRF's training data")

    @property
    def encoder(self) -> Encoder:
        return self.models[0].encoder if self.models else self._only_crf.encoder

    @property
    def _only_crf(self) -> CrfTagger:
        assert self.crf is not None
        return self.crf

    def log_probs(self, text: str) -> tuple[Encoded, Floats]:
        """The words of `text` and their (W, L) log probabilities: the weighted geometric mean, made to sum to one."""
        parts: list[Floats] = []
        shares: list[float] = []
        crf_share = 0.0 if self.crf is None else self.crf_share if self.models else 1.0
        for model in self.models:
            encoded = model.encoder.encode(text)
            parts.append(log_softmax(model.word_logits([encoded], BATCH)[0]))
            shares.append((1 - crf_share) / len(self.models))
        if self.crf is not None:
            encoded = self.crf.encoder.encode(text)
            parts.append(np.log(self.crf.word_probabilities(text, encoded) + TINY))
            shares.append(crf_share)
        mixed = np.tensordot(np.array(shares, dtype=np.float32), np.stack(parts), axes=1)
        return encoded, log_softmax(mixed) if len(mixed) else mixed

    def predict(self, document: Document) -> Document:
        """The document with the teachers' entities in place of its own."""
        encoded, log_probs = self.log_probs(document.text)
        spans = Decoder().decode(log_probs, encoded.lines)
        edges = encoded.spans
        entities = (Entity.of(document.text, edges[s.first][0], edges[s.last - 1][1], s.label, s.score) for s in spans)
        return Document(document.id, document.text, tuple(entities))
