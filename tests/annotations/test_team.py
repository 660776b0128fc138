"""The compose file for a team, as far as it can be checked without Docker."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

TEAM = ROOT / "annotations" / "team"
VARIABLE = re.compile(r"\$\{(\w+)")
# `label-studio start` reads these in server.py, all others in its settings.
SOURCES = ("server.py", "core/settings/base.py", "core/settings/label_studio.py", "users/views.py")


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((TEAM / "compose.yaml").read_text("utf-8"))["services"]
    return found


def test_images_are_pinned_and_the_server_is_the_tested_one(services: dict[str, Any]) -> None:
    assert all(re.search(r":\d+(\.\d+)+$", service["image"]) for service in services.values())
    (version,) = re.findall(r"^version=(\S+)", (ROOT / "scripts" / "label_studio").read_text("utf-8"), re.MULTILINE)
    assert services["label-studio"]["image"].endswith(f":{version}")


def test_what_it_takes_from_the_environment_is_in_the_example() -> None:
    wanted = set(VARIABLE.findall((TEAM / "compose.yaml").read_text("utf-8")))
    example = [line for line in (TEAM / "env.example").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert {line.partition("=")[0] for line in example} == wanted


def test_nothing_is_published_but_on_loopback(services: dict[str, Any]) -> None:
    assert "ports" not in services["database"]
    assert all(port.startswith("127.0.0.1:") for port in services["label-studio"]["ports"])


def test_both_sides_name_the_same_database(services: dict[str, Any]) -> None:
    database, server = (services[name]["environment"] for name in ("database", "label-studio"))
    for ours, theirs in (("POSTGRES_DB", "POSTGRE_NAME"), ("POSTGRES_USER", "POSTGRE_USER")):
        assert database[ours] == server[theirs]
    assert database["POSTGRES_PASSWORD"] == server["POSTGRE_PASSWORD"]
    assert server["POSTGRE_HOST"] in services


def test_label_studio_knows_every_variable(services: dict[str, Any]) -> None:
    venv = Path(os.environ.get("LABEL_STUDIO_VENV") or ROOT / ".label-studio" / "venv")
    folders = list(venv.glob("lib/python*/site-packages/label_studio"))
    if not folders:
        pytest.skip(f"no Label Studio in {venv}: scripts/label_studio install, or set LABEL_STUDIO_VENV")
    source = "".join((folders[0] / name).read_text("utf-8") for name in SOURCES)
    for name in services["label-studio"]["environment"]:
        assert re.search(rf"env\(\s*'{name.removeprefix('LABEL_STUDIO_')}'", source), name
