"""As much of the Hub's HTTP interface as its client needs to fetch a model, on this machine."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """Serves the files of `folder` as the model `name`; `refuse` answers every file with 403 and that error code."""

    folder: Path
    name: str
    refuse: str | None
    asked: list[str]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        path = self.path.split("?")[0]
        if path.startswith(f"/api/models/{self.name}/tree"):
            self._json([_entry(file) for file in sorted(self.folder.iterdir())])
        elif path.startswith(f"/api/models/{self.name}"):
            self._json({"id": self.name, "sha": COMMIT, "siblings": []})
        elif path.startswith(f"/{self.name}/resolve/{COMMIT}/"):
            self._file(self.folder / path.rsplit("/", 1)[1])
        else:
            self._refuse(404, "RepoNotFound")

    def _file(self, file: Path) -> None:
        if self.refuse:
            self._refuse(403, self.refuse)
            return
        body = file.read_bytes()
        self._head(200, len(body), {"ETag": f'"{_digest(file)}"', "X-Repo-Commit": COMMIT})
        if self.command == "GET":
            self.wfile.write(body)

    def _json(self, value: object) -> None:
        body = json.dumps(value).encode()
        self._head(200, len(body), {"Content-Type": "application/json"})
        if self.command == "GET":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self._head(status, 0, {"X-Error-Code": code, "X-Error-Message": code})

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _digest(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()


def _entry(file: Path) -> dict[str, object]:
    return {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": _digest(file)}


@contextmanager
def hub(folder: Path, name: str, refuse: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """The address of a Hub with one model, and the list of what it is asked for."""
    asked: list[str] = []
    kind = type("Hub", (_Hub,), {"folder": folder, "name": name, "refuse": refuse, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
