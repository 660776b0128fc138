import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nghiquyet.label_studio import text_hash

ROOT = Path(__file__).resolve().parents[2]
TEXT = "Bí thư Huyện ủy Thanh Oai\nBùi Hoàng Phan: đạt 7/9 chỉ tiêu “Chương trình 01”."


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def text() -> str:
    return TEXT


@pytest.fixture
def region() -> Callable[..., dict[str, Any]]:
    """Makes a region around a surface form of the text; keywords replace parts of its value."""

    def make(surface: str, label: str, **changes: Any) -> dict[str, Any]:
        start = TEXT.index(surface)
        value = {"start": start, "end": start + len(surface), "text": surface, "labels": [label]}
        return {"id": "r", "from_name": "label", "to_name": "text", "type": "labels", "value": value | changes}

    return make


@pytest.fixture
def task() -> Callable[..., dict[str, Any]]:
    """Makes a task with one annotation of the regions; `annotations` replaces that."""

    def make(*regions: Any, id: int = 1, text: str = TEXT, by: int = 1, **changes: Any) -> dict[str, Any]:
        annotation = {"id": id, "completed_by": by, "was_cancelled": False, "result": list(regions)}
        data = {"text": text, "doc_id": text_hash(text)}
        return {"id": id, "data": data, "annotations": [annotation]} | changes

    return make


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Writes items as an export."""

    def write(*items: Any, name: str = "export.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(list(items), ensure_ascii=False), encoding="utf-8")
        return path

    return write
