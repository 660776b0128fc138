"""The commands as a coordinator runs them: what they print, their exit status, and that the token stays secret."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nghiquyet_annotations.cli import app
from nghiquyet_annotations.project import Project
from nghiquyet_annotations.server import Server
from nghiquyet_annotations.settings import Settings
from tests.annotations.answers import answer
from tests.annotations.faulty_proxy import FaultyProxy

Run = Callable[..., Result]
COMMANDS = ["init", "push", "preannotate", "pull", "adjudicate", "queue", "stats"]
OTHERS = ["config", "validate", "agreement", "acceptance", "diff", "gold", "strip", "restore"]
WITHOUT_SDK = """
import sys
sys.modules["label_studio_sdk"] = None
from nghiquyet_annotations.cli import app
app(["init", "x", "--url", "http://127.0.0.1:1", "--token", "t"])
"""


@pytest.fixture(autouse=True)
def no_config_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("URL", "TOKEN", "PROJECT", "CONFIG", "TIMEOUT"):
        monkeypatch.delenv(f"NGHIQUYET_LABEL_STUDIO_{name}", raising=False)


@pytest.mark.parametrize("command", COMMANDS + OTHERS)
def test_every_help_has_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert f"Example: nghiquyet-annotate {command}" in result.output


def test_every_command_is_tested_for_its_example() -> None:
    said = CliRunner().invoke(app, ["--help"]).output
    named = {line.split()[1] for line in said.splitlines() if line.startswith("│ ") and line[2].isalpha()}
    assert named - {"--help"} <= {*COMMANDS, *OTHERS, "backend"}
    assert {*COMMANDS, *OTHERS} <= named


@pytest.mark.parametrize(
    "arguments",
    [["init", "x"], ["push", "x.txt"], ["preannotate"], ["pull", "-o", "x"], ["queue"], ["stats"]],
    ids=lambda arguments: arguments[0],
)
def test_without_an_address_the_status_is_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "NGHIQUYET_LABEL_STUDIO_URL" in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_missing_sdk_is_named_with_its_extra() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_SDK], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'nghiquyet[annotate]'" in done.stderr


@pytest.fixture
def run(label_studio: Settings, monkeypatch: pytest.MonkeyPatch, project: Project) -> Run:
    """Runs a command on the test's project, all settings from the environment."""
    for name, value in (("URL", label_studio.url), ("TOKEN", label_studio.token), ("PROJECT", str(project.id))):
        monkeypatch.setenv(f"NGHIQUYET_LABEL_STUDIO_{name}", value)

    def call(*arguments: str | Path) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert label_studio.token not in result.output
        return result

    return call


@pytest.mark.label_studio
def test_a_week_of_work(run: Run, server: Server, project: Project, tmp_path: Path) -> None:
    assert "unchanged" in run("init", project.title).output
    (tmp_path / "a.txt").write_text("Bí thư Huyện ủy Thanh Oai", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"id": "b1", "text": "Bài hai"}\n{"id": "b2", "text": "Bài hai"}\n')
    assert "2 task(s) to send" in run("push", tmp_path, "--dry-run").output
    assert list(server.tasks(project.id)) == []
    assert "2 task(s) sent, 0 there already, 1 repeated" in run("push", tmp_path).output
    assert "0 task(s) sent, 3 there already" in run("push", tmp_path).output
    assert "2 prediction(s) sent" in run("preannotate").output
    assert "0 prediction(s) sent, 2 there already" in run("preannotate").output
    assert "1 of 2 waiting task(s)" in run("queue", "--count", "1").output
    answer(server, next(server.tasks(project.id))["id"])
    pulled = run("pull", "-o", tmp_path / "pulled")
    assert pulled.exit_code == 0, pulled.output
    assert len(json.loads((tmp_path / "pulled" / "export.json").read_text(encoding="utf-8"))) == 2
    assert "reviewed and empty" in run("stats", "--top", "0").output


@pytest.mark.label_studio
def test_what_cannot_be_sent_is_named_and_the_rest_is_sent(
    run, server: Server, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "good.txt").write_text("Bài")
    (tmp_path / "latin.txt").write_bytes(b"B\xe0i")
    (tmp_path / "empty.txt").write_text("")
    result = run("push", tmp_path)
    assert result.exit_code == 2
    assert "latin.txt is not UTF-8" in result.output
    assert "empty.txt: the text is empty" in result.output
    assert len(list(server.tasks(project.id))) == 1


@pytest.mark.label_studio
def test_a_bad_answer_is_status_1(run: Run, server: Server, project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Bài")
    run("push", tmp_path / "a.txt")
    value = {"start": 0, "end": 99, "labels": ["ORG"]}
    region = {"id": "x", "from_name": "label", "to_name": "text", "type": "labels", "value": value}
    answer(server, next(server.tasks(project.id))["id"], result=[region])
    result = run("pull", "-o", tmp_path / "pulled")
    assert result.exit_code == 1
    assert "does not lie in a text of 3 characters" in result.output


@pytest.mark.label_studio
@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 500, "body": b"<html>"}, {}], ids=["401", "500", "gone"])
def test_a_failing_server_is_one_line_and_status_2(
    run: Run,
    proxy: FaultyProxy,
    tmp_path: Path,
    fault: dict[str, object],
) -> None:
    proxy.fail("/api/projects", **fault)
    result = run("pull", "-o", tmp_path, "--url", proxy.url)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.splitlines()[-1].startswith("error: ")
