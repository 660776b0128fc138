"""Makes scores mean what they say: of the spans that score 0.9, nine in ten should be right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nghiquyet.artefact import OperatingPoint
from nghiquyet.decode import Floats, entities
from nghiquyet.documents import Document
from nghiquyet.encode import Encoded
from nghiquyet.errors import ConfigError
from nghiquyet.labels import LABELS
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import MICRO

BINS = 10
COLDEST, HOTTEST = 0.25, 8.0  # temperatures that are tried
KEPT = 0.9  # share of the hits at temperature 1 that a temperature must leave: in great heat the transitions decide
STEPS = 20  # of the golden section search: the interval shrinks to less than a 10^-4 of it
GOLDEN = (5**0.5 - 1) / 2
TINY = 1e-6
SMOOTHING = 5  # points on either side


@dataclass(frozen=True, slots=True)
class Claims:
    """Predicted spans: `scores` (N,), whether each is an exact hit (N,), its label, and how many spans the gold has."""

    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]
    labels: NDArray[np.str_]
    gold: int

    def of(self, label: str) -> "Claims":
        """Those of one label. `gold` stays that of all."""
        kept = self.labels == label
        return Claims(self.scores[kept], self.hits[kept], self.labels[kept], self.gold)

    @property
    def log_loss(self) -> float:
        """Mean negative log likelihood of hit or miss; infinite where nothing is claimed."""
        p = np.clip(self.scores, TINY, 1 - TINY)
        return float(-np.mean(np.where(self.hits, np.log(p), np.log(1 - p)))) if len(p) else np.inf


@dataclass(frozen=True, slots=True)
class Bin:
    """Spans of like score: how many, their mean score, and the share that is right."""

    size: int
    score: float
    right: float


def reliability(claims: Claims, bins: int = BINS) -> list[Bin]:
    """Bins of equal width over [0, 1], empty ones left out."""
    place = np.minimum((claims.scores * bins).astype(int), bins - 1)
    masks = [place == i for i in range(bins)]
    return [Bin(int(m.sum()), float(claims.scores[m].mean()), float(claims.hits[m].mean())) for m in masks if m.any()]


def calibration_error(claims: Claims, bins: int = BINS) -> float:
    """Expected calibration error: mean distance of score and share right, over the spans (Naeini et al. 2015)."""
    total = len(claims.scores)
    return sum(b.size * abs(b.score - b.right) for b in reliability(claims, bins)) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted temperature, the least score of the best F1, and the claims with the scores before and after."""

    temperature: float
    min_score: float
    before: Claims
    after: Claims


class Logits:
    """The label logits of gold documents, computed once; claims at any temperature follow from them."""

    def __init__(self, predictor: Predictor, gold: Sequence[Document]) -> None:
        self._decoder = predictor.decoder
        self._gold = gold
        self._encoded: list[Encoded] = [predictor.encoder.encode(document.text) for document in gold]
        self._logits: list[Floats] = [predictor.word_logits([encoded])[0] for encoded in self._encoded]

    def claims(self, temperature: float) -> Claims:
        """The predicted spans with their scores, the logits divided by `temperature`."""
        logits = [each / temperature for each in self._logits]
        found = self._decoder.decode_all(logits, [encoded.lines for encoded in self._encoded])
        parts = zip(self._gold, self._encoded, found, strict=True)
        predicted = [Document(d.id, d.text, entities(d.text, encoded, spans)) for d, encoded, spans in parts]
        return claims(self._gold, predicted)


def claims(gold: Sequence[Document], predicted: Sequence[Document]) -> Claims:
    """What predictions claim of the gold documents, in the same order."""
    rows = [(e.score, e.key in g.keys, e.label) for g, p in zip(gold, predicted, strict=True) for e in p.entities]
    scores, hits, labels = zip(*rows, strict=True) if rows else ((), (), ())
    return Claims(
        np.array(scores, dtype=np.float64),
        np.array(hits, dtype=np.bool_),
        np.array(labels, dtype=np.str_),
        sum(len(document.entities) for document in gold),
    )


def fit_temperature(logits: Logits) -> float:
    """The temperature of least log loss over the predicted spans (temperature scaling, Guo et al. 2017).

    Guo et al. fit classes; here what is scored is whether a whole span is right, as this is what a score promises.
    """
    plain = logits.claims(1.0)
    if not len(plain.scores):
        raise ConfigError("the model finds no span in the development documents: there is nothing to calibrate on")

    def loss(log_temperature: float) -> float:
        found = logits.claims(float(np.exp(log_temperature)))
        return found.log_loss if found.hits.sum() >= KEPT * plain.hits.sum() else np.inf

    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def operating_points(claims: Claims, steps: int = 100) -> list[OperatingPoint]:
    """Precision and recall at rising least scores, a step of `1 / steps` apart; ends where no span is left."""
    points = []
    for i in range(steps):
        kept = claims.scores >= i / steps
        if not kept.any():
            break
        hits = int(claims.hits[kept].sum())
        precision, recall = hits / int(kept.sum()), hits / max(1, claims.gold)
        points.append(OperatingPoint(i / steps, round(precision, 4), round(recall, 4)))
    return points


def best_min_score(points: Sequence[OperatingPoint]) -> float:
    """The least score that brings the best F1: about half of that F1, if scores are honest (Lipton et al. 2014).

    F1 is smoothed over the points around each, as its peaks are those of single spans.
    """
    if not points:
        raise ConfigError("the model finds no span at the fitted temperature: there is nothing to calibrate on")
    f1 = [2 * p.precision * p.recall / max(TINY, p.precision + p.recall) for p in points]
    around = [f1[max(0, i - SMOOTHING) : i + SMOOTHING + 1] for i in range(len(f1))]
    means = [round(sum(some) / len(some), 9) for some in around]  # rounded: of equal ones, the first
    return points[means.index(max(means))].min_score


def calibrate(predictor: Predictor, dev: Sequence[Document]) -> Calibration:
    """Fits a temperature and a least score on `dev`, with the claims before and after."""
    logits = Logits(predictor, dev)
    temperature = fit_temperature(logits)
    after = logits.claims(temperature)
    least = best_min_score(operating_points(after))
    return Calibration(temperature, least, logits.claims(predictor.temperature), after)


def calibration_table(calibration: Calibration) -> Table:
    """Mean score, share right and expected calibration error before and after, by label and in all."""
    title = Text(f"temperature {calibration.temperature:.2f}, least score {calibration.min_score:.2f}")
    table = Table("label", title=title, box=SIMPLE_HEAD)
    for column in ("spans", "right", "score before", "error", "score after", "error"):
        table.add_column(column, justify="right", no_wrap=True)
    for label in (*LABELS.names, MICRO):
        before, after = (c if label == MICRO else c.of(label) for c in (calibration.before, calibration.after))
        if len(after.scores):
            parts = [f"{v:.3f}" for c in (before, after) for v in (c.scores.mean(), calibration_error(c))]
            table.add_row(label, str(len(after.scores)), f"{after.hits.mean():.3f}", *parts)
    return table
