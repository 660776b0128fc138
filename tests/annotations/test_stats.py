from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nghiquyet.errors import AnnotationError
from nghiquyet.label_studio import State, read_tasks, text_hash
from nghiquyet_annotations.stats import stats

Make = Callable[..., Any]


def test_counts_by_label_state_document_and_form(task: Make, region: Make, save: Make, text: str) -> None:
    spans = region("Huyện ủy", "ORG"), region("Thanh Oai\nBùi", "ORG"), region("7/9 chỉ tiêu", "METRIC")
    other = {"type": "labels", "value": {"start": 0, "end": 8, "labels": ["ORG"]}}
    path: Path = save(task(*spans), task(other, id=2, text="Huyện ủy họp"), task(id=3, text="c", annotations=[]))
    found = stats(read_tasks(path))
    assert found.states == {State.LABELLED: 2, State.UNLABELLED: 1}
    assert found.labels == {"ORG": 3, "METRIC": 1}
    assert found.documents[text_hash(text)] == {"ORG": 2, "METRIC": 1}
    assert found.documents[text_hash("c")] == {}
    assert found.forms["ORG"].most_common(1) == [("Huyện ủy", 2)]
    assert found.forms["ORG"]["Thanh Oai Bùi"] == 1


def test_a_ground_truth_counts_alone(task: Make, region: Make, save: Make) -> None:
    item = task(region("Huyện ủy", "ORG"))
    truth = {"id": 2, "completed_by": 2, "ground_truth": True, "result": [region("Bùi Hoàng Phan", "PERSON")]}
    item["annotations"].append(truth)
    assert stats(read_tasks(save(item))).labels == {"PERSON": 1}
    truth["ground_truth"] = False
    found = stats(read_tasks(save(item)))
    assert (found.labels, found.several) == ({"PERSON": 1, "ORG": 1}, 1)


def test_a_bad_span_is_an_error(task: Make, region: Make, save: Make) -> None:
    tasks = read_tasks(save(task(region("Huyện ủy", "LOC"))))
    with pytest.raises(AnnotationError, match="LOC"):
        stats(tasks)
