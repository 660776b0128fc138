import copy
from collections.abc import Callable
from typing import Any

import pytest

from nghiquyet_annotations.edges import trim
from nghiquyet_annotations.validate import validate

Make = Callable[..., Any]


def test_trimming_moves_the_offsets_and_keeps_all_else(task: Make, region: Make) -> None:
    before = [
        task(region(" Huyện ủy Thanh Oai\n", "ORG"), region("7/9 chỉ tiêu", "METRIC"), meta={"kept": [1.5, None]})
    ]
    untouched = copy.deepcopy(before)
    after, moved = trim(before)
    assert before == untouched
    assert moved == 1
    wanted = copy.deepcopy(before)
    wanted[0]["annotations"][0]["result"][0]["value"] |= {"start": 7, "end": 25, "text": "Huyện ủy Thanh Oai"}
    assert after == wanted
    assert validate(after).problems == ()


def test_a_value_without_text_gets_none(task: Make, region: Make) -> None:
    item = task(region("Huyện ủy ", "ORG"))
    del item["annotations"][0]["result"][0]["value"]["text"]
    (after,), _ = trim([item])
    assert after["annotations"][0]["result"][0]["value"] == {"start": 7, "end": 15, "labels": ["ORG"]}


@pytest.mark.parametrize("changes", [{"start": "7"}, {"end": 999}, {"start": 6, "end": 7}, {"start": 15, "end": 7}])
def test_other_faults_are_left_alone(task: Make, region: Make, changes: dict[str, Any]) -> None:
    items = [task(region("Huyện ủy ", "ORG", **changes)), 5, {"data": {"text": "x"}, "annotations": 3}]
    assert trim(items) == (items, 0)
