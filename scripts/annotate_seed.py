"""Enters two passes and the adjudicated annotation of the articles into Label Studio and exports all three.

    scripts/label_studio start && source .label-studio/env
    python scripts/annotate_seed.py PASS_A PASS_B ADJUDICATED

Each folder holds marked texts, NAME.marked.txt beside annotations/articles/NAME.txt: `⟦ORG|Đảng bộ⟧ vững mạnh`.
Each pass gets a project and an account of its own, so neither holds anything of the other.
"""

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from nghiquyet.console import reported
from nghiquyet.errors import AnnotationError, InputError, NghiquyetError
from nghiquyet.scoring import MICRO
from nghiquyet.sources import Source
from nghiquyet_annotations.console import Config, Token, Url, connect
from nghiquyet_annotations.manifest import EXPORTS, GOLD, MANIFEST, build
from nghiquyet_annotations.marked import parse_marked, regions
from nghiquyet_annotations.project import init_project
from nghiquyet_annotations.pull import download
from nghiquyet_annotations.push import push, to_task
from nghiquyet_annotations.raw import read_export, write_json
from nghiquyet_annotations.server import Server

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


def account(server: Server, mail: str) -> int:
    """The number of the account of that address, which is made where it is new; nobody can log in to it."""
    for user in server.read(lambda api: api.users.list()):
        if user.email == mail:
            return int(user.id)
    made = server.write(lambda api: api.users.create(email=mail, username=mail, password=secrets.token_hex()))
    return int(made.id)


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
) -> list[Any]:
    """Makes a project, enters one annotation for each article under the account of `mail`, returns the export."""
    project, _ = init_project(server, title)
    if project.total:
        raise InputError(f"project {project.id} ({title}) has tasks already; delete it on the server first")
    texts = {name: (articles / name).read_bytes().decode("utf-8") for name in results}
    push(server, project.id, [to_task(Source(name, text)) for name, text in texts.items()])
    annotator = account(server, mail)
    for task in server.tasks(project.id):
        body: dict[str, Any] = {"result": results[task["data"]["name"]], "ground_truth": truth}
        server.write(
            lambda api, task=task, body=body: api.annotations.create(  # type: ignore[misc]
                id=task["id"], completed_by=annotator, **body
            )
        )
    with TemporaryDirectory() as folder:
        download(server, project.id, Path(folder) / "export.json")
        return read_export(Path(folder) / "export.json")


@reported()
def main(
    pass_a: Annotated[Path, typer.Argument(help="Marked texts of the first pass")],
    pass_b: Annotated[Path, typer.Argument(help="Marked texts of the second pass")],
    adjudicated: Annotated[Path, typer.Argument(help="Adjudicated marked texts")],
    url: Url = None,
    token: Token = None,
    config: Config = None,
    articles: Annotated[Path, typer.Option(help="The articles")] = ROOT / "annotations" / "articles",
    out: Annotated[Path, typer.Option(help="Folder for the exports")] = ROOT / "annotations" / "gold",
) -> None:
    """Enter the three annotations into a running Label Studio, export them and write the manifest."""
    try:
        server = connect(url, token, config)
        entered = [read_folder(folder, articles) for folder in (pass_a, pass_b, adjudicated)]
        out.mkdir(parents=True, exist_ok=True)
        for name, mail, title, results in zip(EXPORTS, ACCOUNTS, TITLES, entered, strict=True):
            write_json(out / name, enter(server, mail, title, articles, results, truth=name == GOLD))
        manifest = build(articles, out, server.version, PASSES)
        if manifest["agreement"][MICRO]["f1"] == 1.0:
            manifest["passes"] += SAME
        write_json(out / MANIFEST, manifest)
    except NghiquyetError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"wrote {', '.join(EXPORTS)} and {MANIFEST} to {out}")


if __name__ == "__main__":
    typer.run(main)
