"""The scripts tell a user's mistakes as the commands do: in a line, with exit status 2."""

import runpy
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

SCRIPTS = Path(__file__).parent.parent / "scripts"
CONFIG = str(SCRIPTS.parent / "configs" / "smoke.yaml")

MISTAKES = {
    "baselines": [CONFIG, "--part", "dev", "--set", "data.train=[nowhere.json]"],
    "seeds": [CONFIG, "-o", "runs", "--set", "optimiser.epochs=3"],
    "explore": [CONFIG, "-o", "runs"],
    "robustness": ["compact", "nowhere.json"],
    "evaluate": ["nowhere", "nowhere.json"],
    "select_texts": ["nowhere.jsonl", "-o", "found.jsonl"],
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_in_a_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(runpy.run_path(str(SCRIPTS / f"{name}.py"))["main"])
    found = CliRunner().invoke(app, MISTAKES[name])
    assert found.exit_code == 2, found.output
    assert "error: " in found.stderr
    assert "Traceback" not in found.output
