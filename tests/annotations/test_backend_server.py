"""A real Label Studio server connected to the real backend, each a process of its own."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("starlette", reason="the extra [annotate] is not installed")

from nghiquyet import predict
from nghiquyet.label_studio import read_documents
from nghiquyet.sources import Source
from nghiquyet_annotations import push
from nghiquyet_annotations.marked import regions
from nghiquyet_annotations.preannotate import BLIND
from nghiquyet_annotations.project import Project
from nghiquyet_annotations.server import Server, ServerError
from nghiquyet_annotations.settings import Settings
from tests.annotations.label_studio_server import free_port
from tests.annotations.test_retrain import CONFIG
from tests.conftest import GOLD

pytestmark = pytest.mark.label_studio
COMMAND = (sys.executable, "-m", "nghiquyet_annotations.cli", "backend")
SECRET = "s3cret-of-the-test"
LIMIT = 1200  # seconds that a test waits at most


@dataclass(frozen=True)
class Running:
    """A backend in a process of its own."""

    url: str
    log: Path

    def ask(self, path: str) -> Any:
        """The JSON at a path, with the secret."""
        login = base64.b64encode(f"x:{SECRET}".encode()).decode()
        with urlopen(Request(self.url + path, headers={"Authorization": f"Basic {login}"}), timeout=30) as answer:
            return json.load(answer)


@pytest.fixture
def backend(label_studio: Settings, tmp_path: Path) -> Iterator[Running]:
    """It trains a tiny model, judged by the first article."""
    config, dev, log, port = tmp_path / "c.yaml", tmp_path / "dev.json", tmp_path / "log", free_port()
    config.write_text(CONFIG, encoding="utf-8")
    dev.write_text(json.dumps(json.loads(GOLD.read_text("utf-8"))[:1]), encoding="utf-8")
    options = [f"--port={port}", f"--train={config}", f"--dev={dev}", f"--work={tmp_path / 'work'}"]
    names = {"URL": label_studio.url, "TOKEN": label_studio.token}
    env = {f"NGHIQUYET_LABEL_STUDIO_{name}": value for name, value in names.items()}
    env |= {**os.environ, **env, "NGHIQUYET_BACKEND_SECRET": SECRET}
    with log.open("wb") as output, subprocess.Popen([*COMMAND, *options], env=env, stderr=output) as process:
        running = Running(f"http://127.0.0.1:{port}", log)
        until(lambda: is_healthy(running))
        yield running
        process.terminate()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def is_healthy(running: Running) -> bool:
    try:
        return bool(running.ask("/health")["status"] == "UP")
    except OSError:
        return False


def connect(server: Server, project: Project, running: Running, password: str) -> Any:
    login = {"auth_method": "BASIC_AUTH", "basic_auth_user": "label-studio", "basic_auth_pass": password}
    return server.write(lambda api: api.ml.create(project=project.id, url=running.url, title="nghiquyet", **login))


def retrieve_predictions(server: Server, project: Project) -> None:
    """As "Retrieve Predictions" of the tasks' menu does."""
    settings = server.settings
    url = f"{settings.url}/api/dm/actions?id=retrieve_tasks_predictions&project={project.id}"
    headers = {"Authorization": f"Token {settings.token}", "Content-Type": "application/json"}
    body = json.dumps({"selectedItems": {"all": True, "excluded": []}}).encode()
    with urlopen(Request(url, body, headers), timeout=LIMIT) as answer:
        assert answer.status == 200


def test_predictions_and_training_on_request(server: Server, project: Project, backend: Running) -> None:
    gold = read_documents([GOLD])
    push.push(server, project.id, [push.to_task(Source(d.id, d.text)) for d in gold])
    first = next(server.tasks(project.id))["id"]
    server.write(lambda api: api.tasks.update(str(first), meta={BLIND: True}))

    with pytest.raises(ServerError, match="authentication parameters"):
        connect(server, project, backend, "wrong")
    connected = connect(server, project, backend, SECRET)
    version = backend.ask("/versions")["versions"][0]
    retrieve_predictions(server, project)
    for task in server.tasks(project.id):
        made = [
            (p["model_version"], [(r["value"]["start"], r["value"]["end"], *r["value"]["labels"]) for r in p["result"]])
            for p in task["predictions"]
        ]
        expected = [] if task["id"] == first else [(version, [e.key for e in predict(task["data"]["text"])])]
        assert made == expected

    answers = {d.id: regions(d.entities) for d in gold}
    for task in server.tasks(project.id):
        server.write(
            lambda api, task=task: api.annotations.create(  # type: ignore[misc]
                id=task["id"], result=answers[task["data"]["doc_id"]]
            )
        )
    server.write(lambda api: api.ml.train(id=connected.id))
    until(lambda: (backend.ask("/train")["job"] or {}).get("state") in ("swapped", "kept", "failed"))
    job = backend.ask("/train")["job"]
    assert job["project"] == project.id
    assert job["state"] == "kept", job["message"]  # a model of one epoch from random weights is no match for compact
    assert backend.ask("/versions")["versions"] == [version]
    assert f"{version} stays" in backend.log.read_text("utf-8")
    said = backend.log.read_text("utf-8")
    assert server.settings.token not in said
    assert SECRET not in said


def test_without_the_secret_the_backend_says_so(backend: Running) -> None:
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{backend.url}/health", timeout=30)
