"""scripts/label_studio: start twice, stop twice, a busy port, a number of another process, and no word to the world."""

import os
import socket
import threading
from pathlib import Path

import pytest

from nghiquyet_annotations.server import Server
from tests.annotations.label_studio_server import call, environment, free_port, started

pytestmark = pytest.mark.label_studio


def test_a_busy_port_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = call("start", environment(tmp_path, LABEL_STUDIO_PORT=str(port)))
    assert result.returncode == 1
    assert f"port {port} is taken" in result.stderr


def test_the_number_of_another_process_is_not_the_server(tmp_path: Path) -> None:
    env = environment(tmp_path)
    (tmp_path / "pid").write_text(str(os.getpid()))
    (tmp_path / "port").write_text("8080")
    assert call("status", env).returncode == 1
    assert "not running" in call("stop", env).stdout
    assert os.getpid()  # the process with that number, this one, was left alone


def test_an_unknown_command_and_a_missing_installation(tmp_path: Path) -> None:
    env = environment(tmp_path, LABEL_STUDIO_VENV=str(tmp_path / "none"))
    assert call("restart", env).returncode == 2
    assert "has no bin/label-studio" in call("start", env).stderr


def test_start_stop_and_start_again(tmp_path: Path) -> None:
    """Through proxies that only listen: whatever the server wanted to tell the world would arrive there."""
    with _Listener() as listener:
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), listener.url)
        env = environment(tmp_path, **proxies, no_proxy="", NO_PROXY="")
        try:
            settings = started(env)
            server = Server(settings)
            made = server.write(lambda api: api.projects.create(title="kept"))
            assert started(env) == settings  # it runs: nothing is done
            assert call("stop", env).returncode == 0
            assert call("stop", env).returncode == 0
            assert call("status", env).returncode == 1
            env["LABEL_STUDIO_PORT"] = str(free_port())
            again = started(env)
            assert (again.url != settings.url, again.token) == (True, settings.token)
            assert Server(again).read(lambda api: api.projects.get(made.id)).title == "kept"
        finally:
            call("stop", env)
        assert listener.callers == 0


class _Listener:
    """Counts who connects."""

    def __init__(self) -> None:
        self.callers = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "_Listener":
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.callers += 1
            connection.close()
