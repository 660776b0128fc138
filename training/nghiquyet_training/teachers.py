"""Several models as one: what they agree on teaches a student (distillation, Hinton et al. 2015)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nghiquyet.decode import Decoder, Floats, entities, log_softmax
from nghiquyet.documents import Document
from nghiquyet.encode import Encoded, Encoder
from nghiquyet.errors import ConfigError
from nghiquyet.labels import LABELS
from nghiquyet.predictor import Predictor
from nghiquyet_training.crf import TINY, CrfTagger
from nghiquyet_training.rules import resolutions

RULE_SHARE = 0.98  # of the rules' finds in training texts are gold


@dataclass(frozen=True, slots=True)
class Teachers:
    """Token classifiers over the same words, and a CRF whose say is `crf_share` of the whole."""

    models: Sequence[Predictor]
    crf: CrfTagger | None = None
    crf_share: float = 0.5
    rules: bool = False
    """Whether the labelling functions (rules.py) overrule the others where they find something."""

    def __post_init__(self) -> None:
        encoders = [model.encoder for model in self.models] + ([self.crf.encoder] if self.crf else [])
        segmenters = {(encoder.segmenter.name, encoder.segmenter.version) for encoder in encoders}
        if len(segmenters) > 1:
            raise ConfigError(
                f"the teachers cut words by {sorted(segmenters)}; needed one segmenter for the models and "
                "the CRF, whose is that of the configuration"
            )
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
            parts.append(log_softmax(model.word_logits([encoded])[0]))
            shares.append((1 - crf_share) / len(self.models))
        if self.crf is not None:
            encoded = self.crf.encoder.encode(text)
            parts.append(np.log(self.crf.word_probabilities(text, encoded) + TINY))
            shares.append(crf_share)
        mixed = np.tensordot(np.array(shares, dtype=np.float32), np.stack(parts), axes=1)
        log_probs = log_softmax(mixed) if len(mixed) else mixed
        return encoded, overruled(log_probs, encoded, text) if self.rules else log_probs

    def predict(self, document: Document) -> Document:
        """The document with the teachers' entities in place of its own."""
        encoded, log_probs = self.log_probs(document.text)
        spans = Decoder().decode(log_probs, encoded.lines)
        return Document(document.id, document.text, entities(document.text, encoded, spans))


def overruled(log_probs: Floats, encoded: Encoded, text: str) -> Floats:
    """`log_probs` (W, L) with RULE_SHARE of each row on the tag that a rule gives its word, the rest as it was."""
    starts = {start: i for i, (start, _) in enumerate(encoded.spans)}
    ends = {end: i for i, (_, end) in enumerate(encoded.spans)}
    probabilities: Floats = np.exp(log_probs)
    for start, end in resolutions(text):
        first, last = starts.get(start), ends.get(end)
        if first is None or last is None:
            continue
        probabilities[first : last + 1] *= 1 - RULE_SHARE
        probabilities[first, LABELS.begin("RESOLUTION")] += RULE_SHARE
        probabilities[first + 1 : last + 1, LABELS.inside("RESOLUTION")] += RULE_SHARE
    mixed: Floats = np.log(probabilities)
    return mixed
