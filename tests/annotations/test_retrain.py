"""Training on request: what is trained on, what it is judged on, what is served afterwards."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra [annotate] is not installed")

from starlette.testclient import TestClient

from nghiquyet.errors import AnnotationError, ConfigError
from nghiquyet.label_studio import read_documents
from nghiquyet.splits import Part, part
from nghiquyet_annotations.backend import make_app
from nghiquyet_annotations.retrain import compare, prepare
from nghiquyet_annotations.serving import Model, Served
from nghiquyet_annotations.training_job import ENDED, JobState, Trainer
from tests.conftest import GOLD, TINY_ENCODER

Make = Callable[..., Any]
CONFIG = f"""
name: retrained
output: unused
encoder: {{path: {TINY_ENCODER}, segmenter: syllable, max_pieces: 128}}
data: {{}}
optimizer: {{epochs: 1, batch: 8}}
"""
LIMIT = 1200  # seconds that a test waits at most; a training takes some ten


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def gold_items() -> list[Any]:
    items: list[Any] = json.loads(GOLD.read_text(encoding="utf-8"))
    return items


@pytest.fixture
def dev(save: Make, gold_items: list[Any]) -> Path:
    """The first article alone, as further development data."""
    path: Path = save(gold_items[0], name="dev.json")
    return path


def wait(trainer: Trainer) -> None:
    deadline = time.monotonic() + LIMIT
    while trainer.job is None or trainer.job.state not in ENDED:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def put(items: list[Any], folder: Path) -> Path:
    """Writes an export as a pull does."""
    folder.mkdir(exist_ok=True)
    path = folder / "export.json"
    path.write_text(json.dumps(items), encoding="utf-8")
    return path


def test_the_whole_way_from_a_request_to_another_model(
    tiny_onnx: Path, config: Path, dev: Path, gold_items: list[Any], tmp_path: Path
) -> None:
    served = Served(Model.load(tiny_onnx))
    before = served.model
    asked = []

    def pull(project: int, folder: Path) -> Path:
        asked.append(project)
        return put(gold_items, folder)

    trainer = Trainer(served, config, tmp_path / "work", pull, (dev,))
    with TestClient(make_app(served, trainer=trainer)) as client:
        answer = client.post("/webhook", json={"action": "START_TRAINING", "project": {"id": 7, "title": "x"}})
        assert answer.status_code == 202
        wait(trainer)
        job = client.get("/train").json()["job"]
        version = client.get("/versions").json()["versions"][0]
    assert asked == [7]
    assert job["state"] == JobState.SWAPPED, job["message"]
    assert job["id"] == answer.json()["job"]
    decision = json.loads((Path(job["folder"]) / "decision.json").read_text("utf-8"))
    assert before is not None
    assert (decision["old"], decision["new"]) == (before.version, version)
    assert version != before.version
    assert decision["new_f1"] >= decision["old_f1"]
    assert (decision["documents"], decision["spans"]) == (1, len(read_documents([dev])[0].entities))
    run = json.loads((Path(job["folder"]) / "run" / "run.json").read_text("utf-8"))
    assert run["data"]["parts"]["train"]["documents"] == len(gold_items) - 1
    assert run["data"]["parts"]["dev"]["documents"] == 1


def test_a_worse_model_is_not_served(tiny_onnx: Path) -> None:
    documents = read_documents([GOLD])
    good, bad = Model.load("compact"), Model.load(tiny_onnx)
    worse, better = compare(good, bad, documents), compare(bad, good, documents)
    assert (worse.swap, better.swap) == (False, True)
    assert (worse.old_f1, worse.new_f1) == (better.new_f1, better.old_f1)
    assert compare(good, good, documents).swap  # as good is good enough
    assert f"{good.version} stays" in str(worse)


def test_development_documents_and_their_likes_are_not_trained_on(task: Make, save: Make, tmp_path: Path) -> None:
    words = [f"từ{i}" for i in range(40)]
    region = {"type": "labels", "value": {"start": 0, "end": 3, "text": "từ0", "labels": ["ORG"]}}
    texts = {"same": words, "alike": [*words[:35], "khác"], "other": [f"chữ{i}" for i in range(40)]}
    items = [task(id=i, text=" ".join(text)) for i, text in enumerate(texts.values(), start=1)]
    dev = save(task(region, text=" ".join(words)), name="dev.json")
    data = prepare(put(items, tmp_path / "job"), tmp_path / "job", (dev,))
    own = [d for d in read_documents([tmp_path / "job" / "export.json"]) if part(d.id) is Part.DEV]
    assert not own  # or the next lines would not say what they seem to
    assert [d.text for d in read_documents([data.export])] == [" ".join(texts["other"])]


def test_the_projects_own_development_tenth_is_judged_on(task: Make, tmp_path: Path) -> None:
    region = {"type": "labels", "value": {"start": 0, "end": 3, "text": "Một", "labels": ["ORG"]}}
    items = [task(region, id=i, text=f"Một bài số {i}.") for i in range(1, 31)]
    data = prepare(put(items, tmp_path / "job"), tmp_path / "job", ())
    assert {d.id for d in data.dev} == {d.id for d in read_documents([data.export]) if part(d.id) is Part.DEV}
    assert data.dev


def test_without_development_spans_no_model_can_be_judged(task: Make, tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="no development document"):
        prepare(put([task()], tmp_path / "job"), tmp_path / "job", ())


def test_a_problem_in_the_annotations_stops_the_training(task: Make, region: Make, dev: Path, tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="validate"):
        prepare(put([task(region("Huyện ủy", "LOC"))], tmp_path / "job"), tmp_path / "job", (dev,))


def test_one_training_at_a_time_and_a_failure_keeps_the_model(
    tiny_onnx: Path, config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served = Served(Model.load(tiny_onnx))
    before, go = served.model, threading.Event()

    def pull(project: int, folder: Path) -> Path:
        go.wait(LIMIT)
        raise AnnotationError("the server is gone")

    trainer = Trainer(served, config, tmp_path / "work", pull)
    with TestClient(make_app(served, trainer=trainer)) as client:
        assert client.post("/train", json={"project": 1}).status_code == 202
        second = client.post("/train", json={"project": 1})
        assert (second.status_code, "still runs" in second.json()["error"]) == (409, True)
        go.set()
        wait(trainer)
        assert client.get("/train").json()["job"]["state"] == JobState.FAILED
        assert served.model is before
        assert "the server is gone" in caplog.text
        assert client.post("/train", json={"project": 1}).status_code == 202
        wait(trainer)


def test_a_training_that_fails_says_why(
    tiny_onnx: Path, config: Path, dev: Path, gold_items: list[Any], tmp_path: Path
) -> None:
    config.write_text(CONFIG + "epochs: 3\n", encoding="utf-8")
    served = Served(Model.load(tiny_onnx))
    before = served.model
    trainer = Trainer(served, config, tmp_path / "work", lambda project, folder: put(gold_items, folder), (dev,))
    trainer.begin(1)
    wait(trainer)
    assert trainer.job is not None
    assert (trainer.job.state, served.model) == (JobState.FAILED, before)
    assert "epochs: Extra inputs" in trainer.job.message


def test_what_trains_is_ended_with_the_backend(
    tiny_onnx: Path, config: Path, dev: Path, gold_items: list[Any], tmp_path: Path
) -> None:
    served = Served(Model.load(tiny_onnx))
    config.write_text(CONFIG.replace("epochs: 1", "epochs: 100000"), encoding="utf-8")
    trainer = Trainer(served, config, tmp_path / "work", lambda project, folder: put(gold_items, folder), (dev,))
    with TestClient(make_app(served, trainer=trainer)):
        job = trainer.begin(1)
        while not (Path(job.folder) / "train.log").exists():
            assert job.state not in ENDED, job.message
            time.sleep(0.05)
    wait(trainer)
    assert (job.state, job.message) == (JobState.FAILED, "the backend was stopped")


def test_a_configuration_that_is_not_there_is_told_before_anything_is_served(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no file"):
        Trainer(Served(), tmp_path / "none.yaml", tmp_path, lambda project, folder: folder)
