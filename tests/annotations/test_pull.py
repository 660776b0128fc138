"""A pull keeps everything, tells states and annotators apart, gives no address away, and never leaves half a file."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nghiquyet.documents import Entity
from nghiquyet.errors import InputError
from nghiquyet.label_studio import State, read_tasks, text_hash
from nghiquyet.sources import Source
from nghiquyet_annotations.acceptance import acceptance
from nghiquyet_annotations.agreement import pairwise
from nghiquyet_annotations.project import Project
from nghiquyet_annotations.pull import Pulled, pull
from nghiquyet_annotations.push import push, to_task
from nghiquyet_annotations.raw import read_export, replacing, write_json
from nghiquyet_annotations.server import Server, ServerError
from nghiquyet_annotations.settings import Settings
from tests.annotations.answers import annotator, answer, tasks_by_id
from tests.annotations.faulty_proxy import FaultyProxy

EXPORT = "/export"
TEXT = "Bí thư Huyện ủy Thanh Oai"
ORG = Entity.of(TEXT, 7, 25, "ORG")
SHORTER = Entity.of(TEXT, 7, 15, "ORG")
WRITES_WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from nghiquyet_annotations.raw import write_json
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_json(Path(sys.argv[1]), ["x" * 5000])
except Exception as error:
    print(type(error).__name__, error)
"""
PULLS_WITHOUT_ROOM = """
import resource
from nghiquyet_annotations.cli import app
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
app()
"""


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, ["before"])
    with pytest.raises(RuntimeError), replacing(path) as file:  # noqa: PT012
        file.write(b'["aft')
        raise RuntimeError
    assert read_export(path) == ["before"]
    assert [each.name for each in tmp_path.iterdir()] == ["x.json"]


def test_a_disk_without_room_loses_nothing(tmp_path: Path) -> None:
    """The limit on a file's size stands in for the disk: the same error from the same call of the system."""
    path = tmp_path / "x.json"
    write_json(path, ["before"])
    said = subprocess.run([sys.executable, "-c", WRITES_WITHOUT_ROOM, path], capture_output=True, text=True, check=True)
    assert "InputError cannot write" in said.stdout
    assert "unchanged" in said.stdout
    assert read_export(path) == ["before"]
    assert [each.name for each in tmp_path.iterdir()] == ["x.json"]


@pytest.fixture
def answered(server: Server, project: Project) -> dict[str, Any]:
    """A project in which each state occurs, and one task has two annotators; gives the numbers of their accounts."""
    texts = {state: f"{TEXT} {state}" for state in ("unlabelled", "empty", "skipped", "labelled", "several")}
    push(server, project.id, [to_task(Source(name, text)) for name, text in texts.items()])
    tasks = {name: tasks_by_id(server, project.id)[text_hash(text)]["id"] for name, text in texts.items()}
    first, second = (annotator(server, f"annotator-{x}@toasoan.example.org") for x in "ab")
    answer(server, tasks["empty"], completed_by=first)
    answer(server, tasks["skipped"], was_cancelled=True, completed_by=first)
    answer(server, tasks["labelled"], [ORG], completed_by=second)
    answer(server, tasks["several"], [ORG], completed_by=first)
    answer(server, tasks["several"], [SHORTER], completed_by=second)
    return {"first": str(first), "second": str(second)}


@pytest.mark.label_studio
def test_states_and_annotators_are_told_apart(
    server: Server, project: Project, answered: dict[str, Any], tmp_path: Path
) -> None:
    pulled = pull(server, project.id, tmp_path)
    by_name = {task.text.removeprefix(TEXT).strip(): task for task in read_tasks(pulled.export)}
    assert {name: task.state for name, task in by_name.items()} == {
        "unlabelled": State.UNLABELLED,
        "empty": State.EMPTY,
        "skipped": State.SKIPPED,
        "labelled": State.LABELLED,
        "several": State.LABELLED,
    }
    assert pulled.report.several == 1
    ((found,), _) = pairwise(pulled.export)
    assert [found.first, found.second] == [f"annotator {answered[x]}" for x in ("first", "second")]
    lines = [json.loads(line) for line in pulled.documents.read_text(encoding="utf-8").split("\n") if line]
    kept = {(x["text"].removeprefix(TEXT).strip(), x["state"], x["annotator"], len(x["entities"])) for x in lines}
    first, second = answered["first"], answered["second"]
    assert kept == {
        ("unlabelled", "unlabelled", None, 0),
        ("empty", "reviewed and empty", first, 0),
        ("skipped", "skipped", first, 0),
        ("labelled", "labelled", second, 1),
        ("several", "labelled", first, 1),
        ("several", "labelled", second, 1),
    }


@pytest.mark.label_studio
@pytest.mark.usefixtures("answered")
def test_no_address_leaves_the_raw_folder(server: Server, project: Project, tmp_path: Path) -> None:
    (task, *_) = server.tasks(project.id)
    server.write(lambda api: api.annotations.create(id=task["id"], result=[]))
    me = server.read(lambda api: api.users.whoami())
    server.write(lambda api: api.users.update(me.id, first_name="Bích", last_name="Ngọc"))
    _draft(server, task["id"])
    pulled = pull(server, project.id, tmp_path)
    assert b"@" in pulled.raw.read_bytes()  # the draft's
    assert "Ngọc" in json.dumps(read_export(pulled.raw), ensure_ascii=False)
    assert (pulled.raw.parent / ".gitignore").read_text().endswith("*\n")
    assert pulled.raw.parent.stat().st_mode & 0o077 == 0
    for path in (pulled.export, pulled.documents):
        assert b"@" not in path.read_bytes()
        assert "Ngọc" not in path.read_text("utf-8")


def _draft(server: Server, task: int) -> None:
    """An answer that was begun and not submitted: the server exports it with its author's address."""
    server.write(
        lambda api: api._client_wrapper.httpx_client.request(
            f"api/tasks/{task}/drafts", method="POST", json={"result": [], "lead_time": 1}
        )
    )


@pytest.mark.label_studio
@pytest.mark.usefixtures("answered")
def test_the_raw_export_is_what_the_server_sent(
    proxy: FaultyProxy, label_studio: Settings, project: Project, tmp_path: Path
) -> None:
    sent: list[bytes] = []

    def seen(body: bytes) -> bytes:
        sent.append(body)
        return body

    proxy.fail(EXPORT, forward=True, change=seen)
    pulled = pull(Server(Settings(proxy.url, label_studio.token)), project.id, tmp_path)
    assert pulled.raw.read_bytes() == sent[0]


@pytest.mark.label_studio
@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({}, "connection to"),
        ({"forward": True, "truncate": True}, "connection to"),
        ({"forward": True, "change": lambda body: body[: len(body) // 2]}, "cut off or no JSON"),
        ({"status": 500}, "status 500"),
        ({"status": 401}, "does not accept the token"),
        ({"status": 429, "headers": {"Retry-After": "0"}}, "asked too often"),
    ],
    ids=["stopped", "stopped in the middle", "cut off unseen", "500", "401", "429"],
)
def test_a_broken_pull_leaves_what_was_there_and_a_second_completes_it(
    proxy: FaultyProxy, label_studio: Settings, project: Project, tmp_path: Path, fault: dict[str, Any], message: str
) -> None:
    shaky = Server(Settings(proxy.url, label_studio.token))
    before = _files(pull(shaky, project.id, tmp_path))
    proxy.fail(EXPORT, **fault)
    with pytest.raises((ServerError, InputError), match=message):
        pull(shaky, project.id, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json*")} == before
    proxy.mend()
    assert pull(shaky, project.id, tmp_path).raw not in before


def _files(pulled: Pulled) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (pulled.raw, pulled.export, pulled.documents)}


@pytest.mark.label_studio
@pytest.mark.usefixtures("answered")
def test_a_pull_without_room_loses_nothing_and_a_second_completes_it(
    label_studio: Settings, server: Server, project: Project, tmp_path: Path
) -> None:
    before = _files(pull(server, project.id, tmp_path))
    where = {"NGHIQUYET_LABEL_STUDIO_URL": label_studio.url, "NGHIQUYET_LABEL_STUDIO_TOKEN": label_studio.token}
    arguments = [sys.executable, "-c", PULLS_WITHOUT_ROOM, "pull", "-p", str(project.id), "-o", tmp_path]
    done = subprocess.run(arguments, env={**os.environ, **where}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json*")} == before
    assert pull(server, project.id, tmp_path).export.read_bytes() == before[tmp_path / "export.json"]


@pytest.mark.label_studio
def test_an_answer_with_a_bad_span_is_reported_and_kept(server: Server, project: Project, tmp_path: Path) -> None:
    push(server, project.id, [to_task(Source("a", TEXT))])
    (task,) = server.tasks(project.id)
    value = {"start": 7, "end": 700, "labels": ["NONSENSE"]}
    region = {"id": "x", "from_name": "label", "to_name": "text", "type": "labels", "value": value}
    answer(server, task["id"], result=[region])
    pulled = pull(server, project.id, tmp_path)
    assert len(pulled.report.problems) == 2
    assert read_export(pulled.export)[0]["annotations"][0]["result"] == [region]


@pytest.mark.label_studio
def test_spans_are_trimmed_and_keep_their_origin(server: Server, project: Project, tmp_path: Path) -> None:
    push(server, project.id, [to_task(Source("a", TEXT))])
    (task,) = server.tasks(project.id)
    value = {"start": 6, "end": 16, "text": "x", "labels": ["ORG"]}
    region = {"id": "x", "from_name": "label", "to_name": "text", "type": "labels", "origin": "prediction-changed"}
    answer(server, task["id"], result=[{**region, "value": value}])
    pulled = pull(server, project.id, tmp_path)
    assert pulled.trimmed == 1
    (line,) = map(json.loads, pulled.documents.read_text(encoding="utf-8").splitlines())
    assert line["entities"] == [
        {"start": 7, "end": 15, "label": "ORG", "text": "Huyện ủy", "origin": "prediction-changed"}
    ]


@pytest.mark.label_studio
def test_acceptance_is_read_from_a_real_export(server: Server, project: Project, tmp_path: Path) -> None:
    push(server, project.id, [to_task(Source("a", TEXT))])
    (task,) = server.tasks(project.id)
    value = {"start": 7, "end": 25, "labels": ["ORG"]}
    region = {"id": "x", "from_name": "label", "to_name": "text", "type": "labels", "origin": "prediction"}
    result = [{**region, "value": value}]
    made = server.write(lambda api: api.predictions.create(task=task["id"], result=result, model_version="m"))
    answer(server, task["id"], result=result, parent_prediction=made.id)
    assert acceptance(read_export(pull(server, project.id, tmp_path).export)).rate("ORG") == 1.0
