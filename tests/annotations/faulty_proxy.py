"""A small HTTP proxy in front of a real server that fails when it is told to."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")


@dataclass
class Fault:
    """What happens to the requests whose line, `METHOD /path`, holds `where`, after `skip` of them, `times` times.

    The server sees the request where `forward` is true; what it answers is then lost (`status` None), cut off in the
    middle (`truncate`), or changed (`change`). Where it is false the answer is `status`, or a closed connection.
    """

    where: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    forward: bool = False
    truncate: bool = False
    change: Callable[[bytes], bytes] | None = None
    delay: float = 0.0  # seconds
    skip: int = 0
    times: int = 1_000_000


class FaultyProxy:
    """Listens on loopback and hands requests on to `upstream`; `requests` are the lines of those that came."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.requests: list[str] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            def handle_request(self) -> None:
                proxy.serve(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, where: str, **what: Any) -> None:
        """Arranges a `Fault`."""
        self._faults.append(Fault(where, **what))

    def mend(self) -> None:
        """From here on nothing fails."""
        self._faults.clear()

    def serve(self, request: "_Handler") -> None:
        line = f"{request.command} {request.path}"
        fault = self._next(line)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if fault is None:
            request.answer(*self._forward(request, body))
            return
        time.sleep(fault.delay)
        if not fault.forward:
            if fault.status is not None:
                request.answer(fault.status, fault.headers, fault.body)
            return
        status, headers, answer = self._forward(request, body)
        if fault.change:
            request.answer(status, headers, fault.change(answer))
        elif fault.truncate:
            request.answer(status, headers, answer, send=len(answer) // 2)

    def _next(self, line: str) -> Fault | None:
        with self._lock:
            self.requests.append(line)
            for fault in self._faults:
                if fault.where in line and fault.times:
                    if fault.skip:
                        fault.skip -= 1
                        return None
                    fault.times -= 1
                    return fault
        return None

    def _forward(self, request: "_Handler", body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        connection = HTTPConnection(self.upstream, timeout=60)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request(request.command, request.path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content


class _Handler(BaseHTTPRequestHandler):
    def handle_request(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.handle_request()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815

    def answer(self, status: int, headers: Mapping[str, str], body: bytes, send: int | None = None) -> None:
        """Sends the answer; only the first `send` bytes of its body, and then nothing, where that is given."""
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if send is None else body[:send])

    def log_message(self, format: str, *args: object) -> None:
        pass
