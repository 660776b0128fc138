"""The backend's protocol: what Label Studio sends, what it must get, and what it must not be able to do."""

import base64
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra [annotate] is not installed")

from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from nghiquyet import predict
from nghiquyet_annotations.backend import Limits, make_app
from nghiquyet_annotations.cli import app
from nghiquyet_annotations.labelling_config import labelling_config
from nghiquyet_annotations.preannotate import BLIND
from nghiquyet_annotations.predictions import model_version
from nghiquyet_annotations.serving import Model, Served

SECRET = "mật khẩu"
TOKEN = "0123456789abcdef-live-token"
TEXT = "Bí thư Huyện ủy Thanh Oai Bùi Hoàng Phan: đạt 7/9 chỉ tiêu."


@pytest.fixture(scope="module")
def served() -> Served:
    served = Served()
    served.load("compact")
    return served


@pytest.fixture
def client(served: Served) -> Iterator[TestClient]:
    with TestClient(make_app(served, limits=Limits(body=2_000_000, tasks=5, characters=100_000))) as client:
        yield client


def tasks(*texts: Any) -> dict[str, Any]:
    return {"tasks": [{"id": i, "data": {"text": text}} for i, text in enumerate(texts)], "project": "1.0"}


def login(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"label-studio:{password}".encode()).decode()}


@pytest.mark.parametrize("path", ["/health", "/"])
def test_it_is_healthy_only_once_the_model_is_loaded(path: str, served: Served) -> None:
    waiting = Served()
    with TestClient(make_app(waiting)) as client:
        assert client.get(path).status_code == 503
        assert client.post("/predict", json=tasks(TEXT)).status_code == 503
        waiting.model = served.model
        assert client.get(path).json()["status"] == "UP"


def test_a_model_that_cannot_be_loaded_is_told_and_never_healthy(tmp_path: Path) -> None:
    served = Served()
    served.load(tmp_path)
    assert served.model is None
    assert "has no manifest.json" in str(served.failure)


def test_the_version_names_the_weights(client: TestClient, served: Served) -> None:
    assert served.model is not None
    assert served.model.predictor.artefact is not None
    assert served.model.version == model_version(served.model.predictor.artefact)
    assert client.get("/versions").json() == {"versions": [served.model.version]}
    assert client.post("/setup", json={"schema": labelling_config()}).json() == {"model_version": served.model.version}


def test_one_result_a_task_in_order_with_the_entities_of_predict(client: TestClient, articles: list[str]) -> None:
    texts = [articles[0], "", articles[1], TEXT]
    results = client.post("/predict", json=tasks(*texts)).json()["results"]
    for text, result in zip(texts, results, strict=True):
        expected = predict(text)
        spans = [(r["value"]["start"], r["value"]["end"], r["value"]["labels"][0]) for r in result["result"]]
        assert spans == [e.key for e in expected]
        assert 0 < result["score"] <= 1
        assert all(text[r["value"]["start"] : r["value"]["end"]] == r["value"]["text"] for r in result["result"])


def test_what_is_annotated_already_changes_nothing(client: TestClient) -> None:
    plain = client.post("/predict", json=tasks(TEXT)).json()
    request = tasks(TEXT)
    region = {"type": "labels", "value": {"start": 0, "end": 6, "labels": ["PERSON"]}}
    request["tasks"][0] |= {"annotations": [{"result": [region]}], "drafts": [{"result": [region]}], "predictions": [5]}
    request["params"] = {"context": {"result": [region]}}
    assert client.post("/predict", json=request).json() == plain


def test_a_blind_task_stays_blind(client: TestClient) -> None:
    request = tasks(TEXT, TEXT)
    request["tasks"][0]["meta"] = {BLIND: True}
    blind, seen = client.post("/predict", json=request).json()["results"]
    assert blind == []
    assert seen["result"]


@pytest.mark.parametrize("broken", [{}, {"id": 7}, {"data": None}, {"data": {"text": None}}, {"data": {"text": 5}}, 5])
def test_a_broken_task_is_empty_and_told_and_the_others_get_theirs(
    broken: Any, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    request = tasks(TEXT, TEXT)
    request["tasks"].insert(1, broken)
    first, empty, last = client.post("/predict", json=request).json()["results"]
    assert first == last
    assert first["result"]
    assert (empty["result"], empty["score"]) == ([], 0.0)
    assert "needed a string" in empty["warning"]
    assert "gets no prediction" in caplog.text


def test_a_lone_surrogate_comes_through(client: TestClient) -> None:
    content = json.dumps(tasks("\ud83d " + TEXT + " \ud800")).encode()
    answer = client.post("/predict", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["results"][0]["result"]


def test_what_is_too_large_is_refused_with_the_limit(client: TestClient) -> None:
    many = client.post("/predict", json=tasks(*["x"] * 6))
    assert (many.status_code, "6 tasks, at most 5" in many.json()["error"]) == (413, True)
    heavy = client.post("/predict", json=tasks("x" * 2_000_000))
    assert (heavy.status_code, "larger than 2000000 bytes" in heavy.json()["error"]) == (413, True)
    long, fine = client.post("/predict", json=tasks("x" * 100_001, TEXT)).json()["results"]
    assert "100001 characters, at most 100000" in long["warning"]
    assert fine["result"]


@pytest.mark.parametrize(
    "content", [b"", b"x", b"[]", b"\xff", b"[" * 100_000, b'{"tasks": 5}', b'{"tasks": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_request_is_400_with_a_reason(content: bytes, client: TestClient) -> None:
    answer = client.post("/predict", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "needed" in answer.json()["error"] or "not JSON" in answer.json()["error"]


def test_another_address_or_method_is_told_in_json(client: TestClient) -> None:
    assert (client.get("/predict").status_code, client.get("/nothing").status_code) == (405, 404)
    assert client.get("/nothing").json() == {"error": "Not Found"}


def test_setup_refuses_an_interface_that_lacks_a_label(client: TestClient) -> None:
    answer = client.post("/setup", json={"schema": labelling_config().replace("METRIC", "DATE")})
    assert (answer.status_code, "lacks METRIC" in answer.json()["error"]) == (400, True)
    assert client.post("/setup", json={"schema": "<View"}).status_code == 400


def test_the_token_of_setup_is_in_no_log_and_kept_nowhere(
    client: TestClient, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = {"schema": labelling_config(), "access_token": TOKEN, "hostname": "http://127.0.0.1:8080"}
    assert TOKEN not in client.post("/setup", json=request).text
    assert TOKEN not in client.post("/setup", json={**request, "schema": "<"}).text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize("path", ["/health", "/versions", "/setup", "/predict", "/webhook", "/train"])
def test_without_the_secret_nothing_is_answered(path: str, served: Served) -> None:
    with TestClient(make_app(served, secret=SECRET)) as client:
        method = "GET" if path in ("/health", "/versions") else "POST"
        for headers in ({}, login("x"), login(SECRET[:-1]), {"Authorization": "Basic %%%"}, {"Authorization": SECRET}):
            answer = client.request(method, path, json={}, headers={k: v.encode() for k, v in headers.items()})
            assert answer.status_code == 401
            assert "Basic" in answer.headers["WWW-Authenticate"]
        assert client.request(method, path, json={}, headers=login(SECRET)).status_code != 401


def test_a_web_page_cannot_post_to_it(client: TestClient) -> None:
    """A form or a script of another origin sends text/plain unasked, JSON only after leave that is not given."""
    answer = client.post("/train", content=b'{"project": 1}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert client.options("/train", headers={"Origin": "http://example.org"}).status_code == 405


def test_other_events_are_let_pass_and_training_without_a_configuration_is_refused(client: TestClient) -> None:
    assert client.post("/webhook", json={"action": "ANNOTATION_CREATED"}).json() == {"status": "ignored"}
    answer = client.post("/webhook", json={"action": "START_TRAINING", "project": {"id": 1}})
    assert (answer.status_code, "--train" in answer.json()["error"]) == (400, True)
    assert client.post("/train", json={}).status_code == 400


def test_the_answer_is_of_one_model_though_it_is_swapped_meanwhile(served: Served, tiny_onnx: Path) -> None:
    other = Served(served.model)
    with TestClient(make_app(other)) as client:
        before = client.post("/predict", json=tasks(TEXT)).json()
        other.model = Model.load(tiny_onnx)
        after = client.post("/predict", json=tasks(TEXT)).json()
    assert before["model_version"] != after["model_version"]
    assert {r["model_version"] for r in after["results"]} == {after["model_version"]}


def run_command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["backend", *arguments], env={"NGHIQUYET_BACKEND_SECRET": ""})


def test_the_command_shows_an_example() -> None:
    assert "Example: nghiquyet-annotate backend" in run_command("--help").output


def test_what_others_can_reach_needs_a_secret() -> None:
    result = run_command("--host", "0.0.0.0")
    assert result.exit_code == 2
    assert "needs a secret" in result.stderr


def test_a_busy_port_is_an_error_and_not_another_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run_command("--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "choose another port" in result.stderr


def test_no_model_is_told_before_anything_is_served(tmp_path: Path) -> None:
    result = run_command("--model", str(tmp_path))
    assert result.exit_code == 2
    assert "manifest.json" in result.stderr
