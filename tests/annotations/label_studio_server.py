"""A real Label Studio server for tests, started and stopped by scripts/label_studio."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from nghiquyet_annotations.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "label_studio"


def environment(home: Path, **more: str) -> dict[str, str]:
    """For the script: an existing installation, `home` for data, a free port; skips the test where there is none."""
    venv = Path(os.environ.get("LABEL_STUDIO_VENV") or ROOT / ".label-studio" / "venv")
    if not (venv / "bin" / "label-studio").exists():
        pytest.skip(f"no Label Studio in {venv}: scripts/label_studio install, or set LABEL_STUDIO_VENV")
    said = {"LABEL_STUDIO_VENV": str(venv), "LABEL_STUDIO_HOME": str(home), "LABEL_STUDIO_PORT": str(free_port())}
    return {**os.environ, **said, **more}


def free_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def call(command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the script; its server outlives it, so nothing may wait for the end of an inherited pipe."""
    return subprocess.run([SCRIPT, command], env=env, capture_output=True, text=True, check=False, timeout=900)


def started(env: dict[str, str]) -> Settings:
    """Starts the server and reads where it is and how to ask it."""
    result = call("start", env)
    assert result.returncode == 0, result.stderr
    lines = (Path(env["LABEL_STUDIO_HOME"]) / "env").read_text(encoding="utf-8").splitlines()
    said = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    return Settings(said["NGHIQUYET_LABEL_STUDIO_URL"], said["NGHIQUYET_LABEL_STUDIO_TOKEN"])
