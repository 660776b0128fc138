"""Every way in which a server fails ends in one plain sentence; what may pass is tried again, and nothing else."""

import json
import time
from pathlib import Path

import pytest

from nghiquyet_annotations.server import ATTEMPTS, LONGEST_WAIT, Server, ServerError
from nghiquyet_annotations.settings import Settings
from tests.annotations.faulty_proxy import FaultyProxy
from tests.annotations.label_studio_server import free_port

VERSION = "GET /api/version"
pytestmark = pytest.mark.label_studio


def _asked(proxy: FaultyProxy, settings: Settings, timeout: float = 30.0) -> Server:
    return Server(Settings(proxy.url, settings.token, timeout=timeout))


def _count(proxy: FaultyProxy, where: str) -> int:
    return sum(where in line for line in proxy.requests)


def test_a_good_token_is_accepted(server: Server) -> None:
    assert server.version.count(".") >= 1


def test_a_wrong_token_is_said_at_once_and_not_shown(label_studio: Settings) -> None:
    with pytest.raises(ServerError, match="does not accept the token") as caught:
        Server(Settings(label_studio.url, "no-such-token-1234"))
    assert caught.value.status == 401
    assert "no-such-token-1234" not in str(caught.value)


def test_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nghiquyet_annotations.server.FIRST_WAIT", 0.01)
    with pytest.raises(ServerError, match="is the server running"):
        Server(Settings(f"http://127.0.0.1:{free_port()}", "t"))


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failure_that_passes_is_not_seen(proxy: FaultyProxy, label_studio: Settings, status: int) -> None:
    proxy.fail(VERSION, status=status, body=b"<html>Bad gateway</html>", times=ATTEMPTS - 1)
    assert _asked(proxy, label_studio).version


def test_a_failure_that_stays_is_said_without_html(proxy: FaultyProxy, label_studio: Settings) -> None:
    proxy.fail(VERSION, status=500, body=b"<html>Server error</html>")
    with pytest.raises(ServerError, match=r"failed \(status 500\)"):
        _asked(proxy, label_studio)
    assert _count(proxy, VERSION) == ATTEMPTS


def test_what_is_refused_is_asked_once(proxy: FaultyProxy, label_studio: Settings) -> None:
    proxy.fail(VERSION, status=403, body=b'{"detail": "You do not have permission"}')
    with pytest.raises(ServerError, match=r"does not allow this .*You do not have permission"):
        _asked(proxy, label_studio)
    assert _count(proxy, VERSION) == 1


def test_the_wait_that_a_busy_server_asks_for_is_kept(proxy: FaultyProxy, label_studio: Settings) -> None:
    proxy.fail(VERSION, status=429, headers={"Retry-After": "1"}, times=1)
    said: list[str] = []
    begun = time.monotonic()
    Server(Settings(proxy.url, label_studio.token), said.append)
    assert time.monotonic() - begun >= 1.0
    assert "next attempt in 1 s" in said[0]


def test_a_wait_too_long_is_left_to_the_user(proxy: FaultyProxy, label_studio: Settings) -> None:
    proxy.fail(VERSION, status=429, headers={"Retry-After": str(int(LONGEST_WAIT) + 1)})
    with pytest.raises(ServerError, match="asked too often"):
        _asked(proxy, label_studio)
    assert _count(proxy, VERSION) == 1


def test_a_slow_server_is_given_up(proxy: FaultyProxy, label_studio: Settings) -> None:
    proxy.fail(VERSION, delay=1.0)
    with pytest.raises(ServerError, match=r"no answer within 0\.2 s"):
        _asked(proxy, label_studio, timeout=0.2)


def test_an_older_version_is_refused(proxy: FaultyProxy, label_studio: Settings) -> None:
    proxy.fail(VERSION, forward=True, change=lambda body: json.dumps({**json.loads(body), "release": "1.7.3"}).encode())
    with pytest.raises(ServerError, match=r"runs Label Studio 1\.7\.3; needed 1\.20 or later"):
        _asked(proxy, label_studio)


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"{}", b"[]"])
def test_another_program_is_not_taken_for_label_studio(proxy: FaultyProxy, label_studio: Settings, body: bytes) -> None:
    proxy.fail("/api/", status=200, body=body)
    with pytest.raises(ServerError, match="is the address right"):
        _asked(proxy, label_studio)


def test_a_config_file_of_the_server_is_enough(label_studio: Settings, tmp_path: Path) -> None:
    from nghiquyet_annotations.console import connect

    path = tmp_path / "server.toml"
    path.write_text(f'url = "{label_studio.url}"\ntoken = "{label_studio.token}"')
    assert connect(None, None, path).settings == label_studio
