"""Enters two passes and the adjudicated annotation of the articles into Label Studio and exports all three.

    scripts/label_studio start && source .label-studio/env
    python scripts/annotate_seed.py PASS_A PASS_B ADJUDICATED

Each folder holds marked texts, NAME.marked.txt beside annotations/articles/NAME.txt: `⟦ORG|Đảng bộ⟧ vững mạnh`.
Each pass gets a project and an account of its own, so neither holds anything of the other.
"""

import hashlib
import json
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import typer

from nghiquyet.errors import AnnotationError, InputError, NghiquyetError
from nghiquyet.label_studio import text_hash
from nghiquyet.scoring import MICRO
from nghiquyet_annotations.labelling_config import instructions, labelling_config
from nghiquyet_annotations.manifest import EXPORTS, GOLD, MANIFEST, build
from nghiquyet_annotations.marked import parse_marked, regions
from nghiquyet_annotations.raw import write_json

ROOT = Path(__file__).resolve().parent.parent
ACCOUNTS = ("annotator-a@example.org", "annotator-b@example.org", "adjudicator@example.org")
TITLES = ("Lượt A", "Lượt B", "Bản chuẩn")
PASSES = (
    "Pass A and pass B were made independently of each other from the same written scheme (version 1), each read and "
    "decided sentence by sentence as marked texts, the second without sight of the first. Each was then entered "
    "through the API of a Label Studio server, in a project and under an account of its own; nothing was drawn in the "
    "page. The adjudicated annotation was entered as ground truth under a third account. The accounts are pseudonyms. "
    "The scheme takes many of its examples from these same five articles: the agreement says how fully the scheme "
    "decides them, and is no estimate of the agreement on new texts."
)
SAME = (
    " The two passes came out the same, span for span: the adjudicator confirmed them after a reading of the whole, "
    "and had nothing to decide."
)


class Server:
    """Label Studio's REST API under one account."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url.rstrip("/"), token
        self._cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._cookies))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Sends JSON, returns JSON; None for an empty answer."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        data = None if body is None else json.dumps(body).encode()
        answer = self._open(Request(self.url + path, data, headers, method=method))
        return json.loads(answer) if answer else None

    def submit(self, path: str, **fields: str) -> None:
        """Fills in one of the server's web forms."""
        self._open(Request(self.url + path))
        csrf = next((cookie.value for cookie in self._cookies if cookie.name == "csrftoken"), "") or ""
        data = urlencode({**fields, "csrfmiddlewaretoken": csrf}).encode()
        self._open(Request(self.url + path, data, {"Referer": self.url + path}))

    def _open(self, request: Request) -> bytes:
        try:
            with self._opener.open(request, timeout=60) as answer:
                content: bytes = answer.read()
                return content
        except HTTPError as error:
            what = error.read().decode("utf-8", "replace")[:300]
            raise InputError(f"{request.get_method()} {request.full_url}: status {error.code}: {what}") from error
        except URLError as error:
            raise InputError(f"no server at {self.url} ({error.reason}); run scripts/label_studio start") from error

    def account(self, mail: str) -> "Server":
        """The API under the account of that address, which is made where it is new."""
        # Made from the coordinator's token: the same on every run, and nobody without the token can guess it.
        password = hashlib.sha256(f"{self.token} {mail}".encode()).hexdigest()
        visitor = Server(self.url, token="")
        if mail in {user["email"] for user in self.call("GET", "/api/users/")}:
            visitor.submit("/user/login/", email=mail, password=password)
        else:
            visitor.submit(self.call("GET", "/api/invite")["invite_url"], email=mail, password=password)
        return Server(self.url, visitor.call("GET", "/api/current-user/token")["token"])


def read_folder(folder: Path, articles: Path) -> dict[str, list[dict[str, Any]]]:
    """The regions of each article's marked text; the text without marks must be the article, byte for byte."""
    results = {}
    for article in sorted(articles.glob("*.txt")):
        marked = folder / f"{article.stem}.marked.txt"
        try:
            text, entities = parse_marked(marked.read_bytes().decode("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {marked}: {error}") from error
        if text.encode() != article.read_bytes():
            raise AnnotationError(f"{marked}: without its marks this is not the text of {article.name}")
        results[article.name] = regions(entities)
    return results


def enter(
    server: Server, mail: str, title: str, articles: Path, results: dict[str, list[dict[str, Any]]], *, truth: bool
) -> Any:
    """Makes a project, enters one annotation for each article under the account of `mail`, returns the export."""
    settings = {
        "title": title,
        "label_config": labelling_config(),
        "expert_instruction": instructions(),
        "show_instruction": True,
    }
    project = server.call("POST", "/api/projects/", settings)["id"]
    texts = {name: (articles / name).read_bytes().decode("utf-8") for name in results}
    tasks = [{"data": {"text": text, "doc_id": text_hash(text), "name": name}} for name, text in texts.items()]
    server.call("POST", f"/api/projects/{project}/import", tasks)
    annotator = server.account(mail)
    for task in server.call("GET", f"/api/tasks?project={project}&fields=all&page_size=1000")["tasks"]:
        body = {"result": results[task["data"]["name"]], "ground_truth": truth}
        annotator.call("POST", f"/api/tasks/{task['id']}/annotations/", body)
    return server.call("GET", f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")


def main(
    pass_a: Annotated[Path, typer.Argument(help="Marked texts of the first pass")],
    pass_b: Annotated[Path, typer.Argument(help="Marked texts of the second pass")],
    adjudicated: Annotated[Path, typer.Argument(help="Adjudicated marked texts")],
    token: Annotated[str, typer.Option(envvar="NGHIQUYET_LABEL_STUDIO_TOKEN", help="The coordinator's API token")],
    url: Annotated[str, typer.Option(envvar="NGHIQUYET_LABEL_STUDIO_URL")] = "http://127.0.0.1:8080",
    articles: Annotated[Path, typer.Option(help="The articles")] = ROOT / "annotations" / "articles",
    out: Annotated[Path, typer.Option(help="Folder for the exports")] = ROOT / "annotations" / "gold",
) -> None:
    """Enter the three annotations into a running Label Studio, export them and write the manifest."""
    try:
        server = Server(url, token)
        version = server.call("GET", "/api/version")["release"]
        entered = [read_folder(folder, articles) for folder in (pass_a, pass_b, adjudicated)]
        out.mkdir(parents=True, exist_ok=True)
        for name, mail, title, results in zip(EXPORTS, ACCOUNTS, TITLES, entered, strict=True):
            write_json(out / name, enter(server, mail, title, articles, results, truth=name == GOLD))
        manifest = build(articles, out, version, PASSES)
        if manifest["agreement"][MICRO]["f1"] == 1.0:
            manifest["passes"] += SAME
        write_json(out / MANIFEST, manifest)
    except NghiquyetError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"wrote {', '.join(EXPORTS)} and {MANIFEST} to {out}")


if __name__ == "__main__":
    typer.run(main)
