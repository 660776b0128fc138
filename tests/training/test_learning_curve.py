"""Curves whose law is known are found again, and the forecast says how sure it is."""

import numpy as np
import pytest

from nghiquyet.documents import Document
from nghiquyet.errors import ConfigError
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.learning_curve import Curve, Point, fit_curve, forecast, measure, subset
from tests.conftest import GOLD, TINY_ENCODER


@pytest.mark.parametrize("law", [Curve(0.9, 1.2, 0.5), Curve(0.8, 0.5, 0.25), Curve(1.0, 2.0, 0.8)])
def test_a_law_is_found_again(law: Curve) -> None:
    sizes = np.array([10.0, 25, 50, 100, 200, 400])
    found = fit_curve(sizes, law(sizes))
    assert found(800.0) == pytest.approx(law(800.0), abs=0.005)


def test_a_flat_curve_promises_nothing() -> None:
    sizes = np.array([10.0, 50, 250])
    assert fit_curve(sizes, np.array([0.7, 0.7, 0.7]))(1000.0) == pytest.approx(0.7, abs=0.01)
    assert fit_curve(sizes, np.array([0.8, 0.75, 0.7])).fall == 0.0  # more data never harms


def points(noise: float) -> list[Point]:
    random = np.random.default_rng(0)
    law = Curve(0.9, 1.5, 0.5)
    made = []
    for size in (12, 25, 50, 100):
        for seed in range(3):
            hits = tuple(float(np.clip(10 * law(size) + random.normal(0, noise), 0, 10)) for _ in range(40))
            made.append(Point(size, seed, hits, (20,) * 40))
    return made


def test_the_forecast_says_how_sure_it_is() -> None:
    sure, unsure = forecast(points(0.01), 100), forecast(points(2.0), 100)
    true_gain = float(Curve(0.9, 1.5, 0.5)(200) - Curve(0.9, 1.5, 0.5)(100))
    assert sure.gain == pytest.approx(true_gain, abs=0.005)
    assert unsure.gain_low <= true_gain <= unsure.gain_high
    assert sure.gain_high - sure.gain_low < unsure.gain_high - unsure.gain_low
    assert "the next 100 may bring +4" in sure.in_words()
    with pytest.raises(ConfigError, match="3 sizes"):
        forecast([p for p in points(0) if p.documents < 50], 50)


def test_larger_subsets_hold_the_smaller(gold: list[Document]) -> None:
    sizes = [{d.id for d in subset(gold, n, 0)} for n in (1, 3, 5)]
    assert sizes[0] < sizes[1] < sizes[2]
    assert [d.id for d in subset(gold, 5, 0)] != [d.id for d in subset(gold, 5, 1)]


def test_measuring_needs_development_documents(tmp_path: object) -> None:
    config = TrainConfig.model_validate(
        {
            "name": "x",
            "output": str(tmp_path),
            "encoder": {"path": str(TINY_ENCODER), "segmenter": "syllable", "max_pieces": 128},
            "data": {"train": [str(GOLD)]},
        }
    )
    with pytest.raises(ConfigError, match="development documents"):
        list(measure(config, [2], [0]))
