"""A model's answers in Label Studio's form: spans with scores, the model's hash, its confidence in the whole text."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from nghiquyet.artefact import Artefact
from nghiquyet.decode import log_softmax
from nghiquyet.documents import Entity
from nghiquyet.predictor import Predictor
from nghiquyet_annotations.marked import regions

SCORE_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Prediction:
    """The entities of a text and the model's confidence in its reading of the whole, in (0, 1]."""

    entities: tuple[Entity, ...]
    confidence: float


def predict(predictor: Predictor, text: str) -> Prediction:
    """One pass over the text.

    The confidence is the geometric mean of the likeliest tag's probability over the words: the maximum normalised log
    probability of Shen et al. 2018, "Deep active learning for named entity recognition", before the logarithm. It
    falls with doubtful words outside of spans too, and not with the length of the text.
    """
    encoded = predictor.encoder.encode(text)
    logits = predictor.word_logits([encoded])[0]  # (words, L)
    found = [e for e in predictor.decode(text, encoded, logits) if e.score >= predictor.min_score]
    best = log_softmax(logits / predictor.temperature).max(axis=1)
    return Prediction(tuple(found), float(np.exp(best.mean())) if len(best) else 1.0)


def model_version(artefact: Artefact) -> str:
    """The model's name and 12 digits of a hash over its files: `compact-0123456789ab`."""
    files = "\n".join(f"{name} {digest}" for name, digest in sorted(artefact.manifest.files.items()))
    return f"{artefact.manifest.name}-{hashlib.sha256(files.encode()).hexdigest()[:12]}"


def to_label_studio(prediction: Prediction, version: str) -> dict[str, Any]:
    """The prediction as the server takes it: `model_version`, `score` of the whole, `result` with a score a span."""
    result = [
        region | {"origin": "prediction", "score": round(entity.score, SCORE_DIGITS)}
        for region, entity in zip(regions(prediction.entities), prediction.entities, strict=True)
    ]
    return {"model_version": version, "score": round(prediction.confidence, SCORE_DIGITS), "result": result}
