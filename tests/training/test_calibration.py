"""Scores that mean what they say, on claims whose truth is known, and on a model through the commands."""

import json
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from typer.testing import CliRunner

from nghiquyet import Predictor
from nghiquyet.artefact import OperatingPoint, open_artefact
from nghiquyet.cli import app as nghiquyet_app
from nghiquyet.decode import Decoder, Floats
from nghiquyet.documents import Document, Entity
from nghiquyet.encode import Encoded
from nghiquyet.errors import ConfigError
from nghiquyet.labels import LABELS
from nghiquyet_training.calibration import (
    Claims,
    Logits,
    best_min_score,
    calibrate,
    calibration_error,
    fit_temperature,
    operating_points,
    reliability,
)
from nghiquyet_training.cli import app
from tests.conftest import GOLD


def claims(scores: list[float], hits: list[bool], gold: int = 10) -> Claims:
    return Claims(np.array(scores), np.array(hits), np.array(["ORG"] * len(scores)), gold)


def test_bins_and_their_error_by_hand() -> None:
    found = claims([0.95, 0.95, 0.45, 0.45], [True, False, True, False])
    assert [(b.size, b.score, b.right) for b in reliability(found)] == [(2, 0.45, 0.5), (2, 0.95, 0.5)]
    assert calibration_error(found) == pytest.approx((0.05 + 0.45) / 2)
    assert calibration_error(claims([], [])) == 0.0
    assert reliability(claims([1.0], [True]))[0].size == 1


def test_operating_points_by_hand() -> None:
    points = operating_points(claims([0.2, 0.6, 0.9], [False, True, True], gold=4), steps=10)
    assert [(p.min_score, p.precision, p.recall) for p in points][:4] == [
        (0.0, 0.6667, 0.5), (0.1, 0.6667, 0.5), (0.2, 0.6667, 0.5), (0.3, 1.0, 0.5),
    ]  # fmt: skip
    assert points[-1].min_score == 0.9


def test_the_best_least_score_is_no_single_peak() -> None:
    flat = [OperatingPoint(i / 100, 0.8 + 0.001 * min(i, 50), 0.8) for i in range(90)]
    assert best_min_score(flat) == 0.55  # the first with all points around it on the height
    peak = [*flat[:20], OperatingPoint(0.2, 0.86, 0.8), *flat[21:]]
    assert best_min_score(peak) == 0.55


class OverconfidentModel:
    """One word a text, an entity with the given logits; right as often as its calibrated score says."""

    temperature = 1.0
    decoder = Decoder()

    def __init__(self, margins: list[float]) -> None:
        self.encoder = self
        self.margins = margins

    def encode(self, text: str) -> Encoded:
        return Encoded([(0, len(text))], [(int(text),)], [(0, 1)])

    def word_logits(self, encoded: list[Encoded]) -> list[Floats]:
        rows = np.zeros((1, len(LABELS.tags)), dtype=np.float32)
        rows[0, LABELS.begin("ORG")] = self.margins[encoded[0].pieces[0][0]]
        return [rows]


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(true_temperature: float) -> None:
    random = np.random.default_rng(0)
    margins = random.uniform(0.5, 12, size=2000)
    right = 1 / (1 + 4 * np.exp(-margins / true_temperature))  # O and the four that begin an entity are legal
    texts = [str(i) for i in range(len(margins))]
    gold = [
        Document(t, t, (Entity.of(t, 0, len(t), "ORG" if random.random() < p else "PERSON"),))
        for t, p in zip(texts, right, strict=True)
    ]
    model = cast(Predictor, OverconfidentModel(margins.tolist()))
    fitted = fit_temperature(Logits(model, gold))
    assert fitted == pytest.approx(true_temperature, rel=0.15)
    calibration = calibrate(model, gold)
    assert calibration_error(calibration.after) < 0.05
    if true_temperature == 3.0:
        assert calibration_error(calibration.before) > 0.1


def test_a_temperature_that_loses_what_is_right_is_none(predictor: Predictor) -> None:
    """In great heat the transitions decide: nothing is found, and nothing claimed is never wrong."""
    random = np.random.default_rng(1)
    margins = random.uniform(0.5, 4, size=400)
    texts = [str(i) for i in range(len(margins))]
    gold = [Document(t, t, (Entity.of(t, 0, len(t), "ORG" if random.random() < 0.4 else "PERSON"),)) for t in texts]
    model = OverconfidentModel(margins.tolist())
    tags = len(LABELS.tags)
    model.decoder = Decoder([[0.0] + [-1.0] * (tags - 1)] * tags)
    fitted = calibrate(cast(Predictor, model), gold)
    assert fitted.after.hits.sum() >= 0.9 * fitted.before.hits.sum() > 0
    with pytest.raises(ConfigError, match="no span"):
        best_min_score([])


def test_nothing_found_nothing_fitted(predictor: Predictor) -> None:
    with pytest.raises(ConfigError, match="no span"):
        calibrate(predictor, [Document("a", "")])


def test_a_calibrated_model_keeps_its_temperature_and_thresholds(
    tiny_onnx: Path, gold: list[Document], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for file in tiny_onnx.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    before = Predictor.load(model).predict(gold[0].text)
    result = CliRunner().invoke(app, ["calibrate", str(model), "--gold", str(GOLD)])
    assert result.exit_code == 0, result.output
    manifest = open_artefact(model).manifest
    assert manifest.temperature != 1.0
    predictor = Predictor.load(model)
    after = predictor.predict(gold[0].text, min_score=0)
    assert predictor.predict(gold[0].text) == [e for e in after if e.score >= manifest.min_score]
    assert predictor.min_score == manifest.min_score
    assert [e.score for e in before] != [e.score for e in after]
    best = max(point.precision for point in manifest.operating_points)
    point = predictor.min_score_for(best)
    assert point.precision == best
    kept = predictor.predict(gold[0].text, min_score=point.min_score)
    assert kept == [e for e in after if e.score >= point.min_score]
    with pytest.raises(ConfigError, match="never reached"):
        predictor.min_score_for(1.0)
    with pytest.raises(ConfigError, match="from 0 to 1"):
        predictor.predict("a", min_score=1.5)
    with pytest.raises(ConfigError, match="nghiquyet-train calibrate"):
        Predictor.load(tiny_onnx).min_score_for(0.5)
    text = tmp_path / "a.txt"
    text.write_text(gold[0].text, encoding="utf-8")
    call = ["predict", str(text), "--model", str(model), "--precision", str(best), "-f", "jsonl"]
    shown = CliRunner().invoke(nghiquyet_app, call)
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout.splitlines()[-1])["entities"]
    assert [e["start"] for e in found] == [e.start for e in kept]
