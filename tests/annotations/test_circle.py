"""scripts/circle.py on a real server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nghiquyet.artefact import open_artefact
from nghiquyet.label_studio import read_documents
from nghiquyet_annotations.predictions import model_version
from nghiquyet_annotations.project import Project
from nghiquyet_annotations.server import Server
from tests.conftest import GOLD, ROOT


@pytest.mark.label_studio
def test_from_articles_to_a_model_and_its_predictions_back(server: Server, project: Project, tmp_path: Path) -> None:
    names = {"URL": server.settings.url, "TOKEN": server.settings.token}
    env = os.environ | {f"NGHIQUYET_LABEL_STUDIO_{name}": value for name, value in names.items()}
    output = tmp_path / "circle"
    circle = [sys.executable, ROOT / "scripts" / "circle.py", project.title, "-o", output]
    done = subprocess.run(circle, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    gold = {document.id: document for document in read_documents([GOLD])}
    frozen = read_documents([output / "gold" / "export.json"])
    assert len(frozen) == len(gold) - 1
    assert all(document == gold[document.id] for document in frozen)
    assert len((output / "predictions.jsonl").read_text("utf-8").splitlines()) == len(gold)
    old, new = (model_version(open_artefact(model)) for model in ("compact", output / "run" / "model"))
    versions = [{p["model_version"] for p in task["predictions"]} for task in server.tasks(project.id)]
    assert versions == [{old}] * len(frozen) + [{old, new}]
    assert server.settings.token not in done.stdout + done.stderr
