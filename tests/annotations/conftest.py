import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nghiquyet.label_studio import text_hash
from nghiquyet_annotations.project import Project, init_project
from nghiquyet_annotations.server import Server
from nghiquyet_annotations.settings import Settings
from tests.annotations.faulty_proxy import FaultyProxy
from tests.annotations.label_studio_server import call, environment, started

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


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A real server of this session's own.

    For work on these tests LABEL_STUDIO_HOME names one that is kept running from session to session.
    """
    kept = os.environ.get("LABEL_STUDIO_HOME")
    env = environment(Path(kept) if kept else tmp_path_factory.mktemp("label-studio"))
    yield started(env)
    if not kept:
        assert call("stop", env).returncode == 0


@pytest.fixture
def server(label_studio: Settings) -> Server:
    return Server(label_studio)


@pytest.fixture
def project(server: Server, request: pytest.FixtureRequest) -> Iterator[Project]:
    """A new project, which is deleted again."""
    made, _ = init_project(server, request.node.name[:50])
    yield made
    server.write(lambda api: api.projects.delete(made.id))


@pytest.fixture
def proxy(label_studio: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """A proxy in front of the server that can be told to fail; further attempts come at once."""
    monkeypatch.setattr("nghiquyet_annotations.server.FIRST_WAIT", 0.01)
    with FaultyProxy(label_studio.url) as made:
        yield made
