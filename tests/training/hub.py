"""As much of the Hub's HTTP interface as its client needs to fetch and to send a model, on this machine."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """Serves the files of `folder` as the model `name`; `refuse` answers every file with 403 and that error code."""

    folder: Path
    name: str
    refuse: str | None
    asked: list[str]
    sent: dict[str, bytes]
    tokens: set[str | None]

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

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.tokens.add(self.headers["Authorization"])
        body = self._body()
        if "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            self._json({"files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]})
        elif "/commit/" in self.path:
            for row in map(json.loads, body.splitlines()):
                if row["key"] == "file":
                    self.sent[row["value"]["path"]] = base64.b64decode(row["value"]["content"])
            self._json(
                {
                    "commitUrl": f"https://huggingface.co/{self.name}/commit/{COMMIT}",
                    "commitOid": COMMIT,
                    "success": True,
                }
            )
        elif self.path == "/api/repos/create":
            self._json({"id": self.name, "url": f"https://huggingface.co/{self.name}", **json.loads(body)})
        else:
            self._json({"errors": [], "warnings": []})

    def _body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

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
        if self.command != "HEAD":
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


@dataclass(frozen=True)
class Seen:
    """What a Hub was asked for, what it was sent, and the `Authorization` that came with it."""

    asked: list[str] = field(default_factory=list)
    sent: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str | None] = field(default_factory=set)


def use_hub(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub's client asks `address` from now on."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)


@contextmanager
def hub(folder: Path, name: str, refuse: str | None = None) -> Iterator[tuple[str, Seen]]:
    """The address of a Hub with one model, and what it sees."""
    seen = Seen()
    kind = type("Hub", (_Hub,), {"folder": folder, "name": name, "refuse": refuse, **vars(seen)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
