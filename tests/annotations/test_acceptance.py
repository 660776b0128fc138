from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from nghiquyet.errors import AnnotationError, NghiquyetError
from nghiquyet_annotations.acceptance import ADDED, CHANGED, DELETED, KEPT, acceptance
from nghiquyet_annotations.cli import app

Make = Callable[..., Any]


def _reviewed(task: Make, region: Make) -> dict[str, Any]:
    """A pre-annotated task: of three predicted spans one is kept, one moved, one deleted; one is added."""
    org = region("Huyện ủy Thanh Oai", "ORG") | {"id": "a"}
    metric = region("7/9 chỉ tiêu", "METRIC") | {"id": "b"}
    wrong = region("Chương trình", "RESOLUTION") | {"id": "c"}
    drawn = region("Bùi Hoàng Phan", "PERSON") | {"id": "d", "origin": "manual"}
    item: dict[str, Any] = task(org | {"origin": "prediction"}, metric | {"origin": "prediction-changed"}, drawn)
    item["predictions"] = [{"id": 9, "result": [org, metric, wrong]}]
    item["annotations"][0]["parent_prediction"] = 9
    return item


def test_what_was_done_with_each_span(task: Make, region: Make) -> None:
    found = acceptance([_reviewed(task, region), task(region("Huyện ủy", "ORG"), id=2)])
    assert (found.annotations, found.blind) == (1, 1)
    assert [found.of(what) for what in (KEPT, CHANGED, DELETED, ADDED)] == [1, 1, 1, 1]
    assert found.rate() == 1 / 3
    assert found.rate("ORG") == 1.0
    assert found.rate("PERSON") is None
    assert found.of(ADDED, "PERSON") == 1


def test_a_relabelled_span_counts_as_it_was_predicted(task: Make, region: Make) -> None:
    item = task(region("Huyện ủy", "PERSON") | {"id": "a", "origin": "prediction-changed"})
    item["predictions"] = [{"id": 9, "result": [region("Huyện ủy", "ORG") | {"id": "a"}]}]
    item["annotations"][0]["parent_prediction"] = 9
    found = acceptance([item])
    assert (found.rate("ORG"), found.rate("PERSON")) == (0.0, None)


def test_blind_annotations_are_there_to_compare_with(task: Make, region: Make) -> None:
    blind = task(region("Huyện ủy", "ORG"), region("Bùi Hoàng Phan", "PERSON"), id=2)
    lost = task(region("Huyện ủy", "ORG"), id=3)
    lost["annotations"][0]["parent_prediction"] = 77
    found = acceptance([_reviewed(task, region), blind, lost])
    assert found.blind_counts == {"ORG": 1, "PERSON": 1}
    assert (found.spans_each, found.blind_spans_each) == (3.0, 2.0)
    assert (found.annotations, found.blind, found.lost) == (1, 1, 1)


@pytest.mark.parametrize(
    "item", [1, {"data": {"text": "a"}, "annotations": [1]}, {"data": {"text": "a"}, "predictions": 5}]
)
def test_what_is_no_task_is_told(item: Any) -> None:
    with pytest.raises(NghiquyetError):
        acceptance([item])


def test_an_export_without_the_predictions_is_refused(task: Make, region: Make) -> None:
    item = _reviewed(task, region) | {"predictions": [9]}
    with pytest.raises(AnnotationError, match="nghiquyet-annotate pull"):
        acceptance([item])


def test_skipped_annotations_do_not_count(task: Make, region: Make) -> None:
    item = _reviewed(task, region)
    item["annotations"][0]["was_cancelled"] = True
    assert acceptance([item]).annotations == 0


def test_the_command(task: Make, region: Make, save: Make) -> None:
    result = CliRunner().invoke(app, ["acceptance", str(save(_reviewed(task, region)))])
    assert result.exit_code == 0, result.output
    assert "33%" in result.output
    assert "begun from a prediction: 1, with 3.0 spans each" in result.output
    assert "without a prediction: 0" in result.output
