"""F1 by the number of annotated documents, and what more of them may bring."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nghiquyet.documents import Document
from nghiquyet.errors import ConfigError
from nghiquyet.scoring import Counts, count, pair
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.data import load_splits
from nghiquyet_training.run import fit as train
from nghiquyet_training.settings import expand
from nghiquyet_training.trainer import predict_documents

Array = NDArray[np.float64]
EXPONENTS = np.linspace(0.05, 1.5, 59)  # of the power law; tried one by one
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Point:
    """One training: on how many documents, with which seed; hits and sizes (gold and predicted) by test document."""

    documents: int
    seed: int
    hits: tuple[float, ...]
    sizes: tuple[int, ...]

    @property
    def f1(self) -> float:
        return 2 * sum(self.hits) / max(1, sum(self.sizes))

    def row(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self) | {"f1": round(self.f1, 4)}


@dataclass(frozen=True, slots=True)
class Curve:
    """F1(n) = `ceiling - fall * n ** -exponent`: what learning curves mostly look like (Hestness et al. 2017)."""

    ceiling: float
    fall: float
    exponent: float

    def __call__(self, documents: Array | float) -> Array:
        return np.asarray(self.ceiling - self.fall * np.power(documents, -self.exponent))


def read_points(path: Path) -> list[Point]:
    """The trainings in a points.jsonl; none where there is no file."""
    if not path.exists():
        return []
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Point(r["documents"], r["seed"], tuple(r["hits"]), tuple(r["sizes"])) for r in rows]


def subset(documents: Sequence[Document], size: int, seed: int) -> list[Document]:
    """`size` of the documents, by the hash of seed and id: a larger subset of a seed holds the smaller ones."""
    ordered = sorted(documents, key=lambda d: hashlib.sha256(f"{seed}:{d.id}".encode()).hexdigest())
    return ordered[:size]


def measure(config: TrainConfig, sizes: Sequence[int], seeds: Sequence[int]) -> Iterator[Point]:
    """Trains on each size with each seed for the same number of steps, and scores on the development documents."""
    splits = load_splits(config.data)
    if not splits.dev:
        raise ConfigError("a learning curve is measured on development documents: set data.split and data.dev_tenths")
    if max(sizes) > len(splits.train):
        raise ConfigError(f"size {max(sizes)} is more than the {len(splits.train)} training documents")
    for size in sizes:
        for seed in seeds:
            epochs = config.optimizer.epochs * len(splits.train) / size  # as many steps for few documents as for many
            own = config.model_copy(
                update={"seed": seed, "optimizer": config.optimizer.model_copy(update={"epochs": epochs})}
            )
            folder = expand(config.output) / f"{size}-{seed}"
            fitted = train(own, subset(splits.train, size, seed), [], folder, held_out=splits.dev)
            predicted = predict_documents(fitted.predictor(own), splits.dev)
            counts: list[Counts] = [count(g.keys, p.keys) for g, p in pair(splits.dev, predicted)]
            yield Point(size, seed, tuple(c.hits for c in counts), tuple(c.gold + c.predicted for c in counts))


def fit_curve(sizes: Array, f1: Array) -> Curve:
    """Least squares: for each exponent the best ceiling and fall, of all the best; never rising above 1 nor falling."""
    best: tuple[float, Curve] | None = None
    for exponent in EXPONENTS:
        columns = np.stack([np.ones_like(sizes), -(sizes**-exponent)], axis=1)
        (ceiling, fall), *_ = np.linalg.lstsq(columns, f1, rcond=None)
        ceiling, fall = float(min(ceiling, 1.0)), float(max(fall, 0.0))
        curve = Curve(ceiling, fall, float(exponent))
        loss = float(((curve(sizes) - f1) ** 2).sum())
        if best is None or loss < best[0]:
            best = loss, curve
    assert best is not None
    return best[1]


@dataclass(frozen=True, slots=True)
class Forecast:
    """F1 at the present and at a larger number of documents, with 95% intervals, and that of the gain."""

    now: int
    later: int
    f1_now: float
    gain: float
    gain_low: float
    gain_high: float

    def in_words(self) -> str:
        """What the next documents may bring."""
        return (
            f"With {self.now} documents the curve stands at F1 {self.f1_now:.3f}; the next {self.later - self.now} may "
            f"bring {100 * self.gain:+.1f} points (95% interval {100 * self.gain_low:+.1f} to "
            f"{100 * self.gain_high:+.1f}), if they are like those there are."
        )


def forecast(points: Sequence[Point], more: int, seed: int = 0) -> Forecast:
    """Fits the curve and looks `more` documents ahead. Interval: test documents and seeds drawn with replacement."""
    sizes = sorted({p.documents for p in points})
    if len(sizes) < 3:
        raise ConfigError(f"a curve needs at least 3 sizes, got {sizes}")
    now, later = sizes[-1], sizes[-1] + more
    curve = fit_curve(*_means(points, sizes, None))
    random = np.random.default_rng(seed)
    gains = []
    for _ in range(RESAMPLES):
        drawn = fit_curve(*_means(points, sizes, random))
        gains.append(float(drawn(later) - drawn(now)))
    low, high = np.percentile(gains, [2.5, 97.5])
    gain = float(curve(later) - curve(now))
    return Forecast(now, later, float(curve(now)), gain, float(low), float(high))


def _means(points: Sequence[Point], sizes: Sequence[int], random: np.random.Generator | None) -> tuple[Array, Array]:
    """Mean F1 of each size over its seeds; with `random`, of a resample of documents and seeds."""
    documents: NDArray[np.int64] = np.arange(len(points[0].hits))
    if random is not None:
        documents = random.integers(len(documents), size=len(documents))
    means = []
    for size in sizes:
        own = [p for p in points if p.documents == size]
        if random is not None:
            own = [own[i] for i in random.integers(len(own), size=len(own))]
        f1 = [2 * np.array(p.hits)[documents].sum() / max(1, np.array(p.sizes)[documents].sum()) for p in own]
        means.append(float(np.mean(f1)))
    return np.array(sizes, dtype=np.float64), np.array(means)
