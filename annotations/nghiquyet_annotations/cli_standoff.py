"""The commands `strip` and `restore`: annotations of texts that may not be passed on. No server is asked."""

import json
from pathlib import Path
from typing import Annotated

import typer

from nghiquyet.console import BAD_INPUT, complain, reported
from nghiquyet.errors import InputError
from nghiquyet.label_studio import read_documents
from nghiquyet.sources import texts_of
from nghiquyet_annotations.console import Exports, say
from nghiquyet_annotations.raw import replacing, write_json
from nghiquyet_annotations.standoff import Row, restore, strip, to_export

app = typer.Typer()
PANEL = "On files"
Corpus = Annotated[list[Path], typer.Option(help="Text file: .txt, .jsonl, .jsonl.xz; give the option once for each")]


@app.command(
    "strip", rich_help_panel=PANEL, epilog="Example: nghiquyet-annotate strip a.json --corpus n.jsonl -o a.jsonl"
)
def strip_texts(
    exports: Exports,
    corpus: Corpus,
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSON lines to write: offsets and hashes")],
) -> None:
    """Keep annotations without their texts. Exit status 2 where a document is no part of any text of the corpus."""
    with reported():
        rows, strangers = strip(read_documents(exports), texts_of(map(str, corpus)))
        with replacing(output) as file:
            file.writelines(f"{json.dumps(row.json())}\n".encode() for row in rows)
        say(f"{output}: {len(rows)} documents, {sum(len(row.spans) for row in rows)} spans")
    if strangers:
        names = ", ".join(document.id for document in strangers[:5])
        complain(InputError(f"{len(strangers)} documents are no part of a text of the corpus: {names}"))
        raise typer.Exit(BAD_INPUT)


@app.command(
    "restore", rich_help_panel=PANEL, epilog="Example: nghiquyet-annotate restore a.jsonl --corpus n.jsonl -o a.json"
)
def restore_texts(
    rows: Annotated[Path, typer.Argument(help="JSON lines that `strip` wrote", metavar="ROWS")],
    corpus: Corpus,
    output: Annotated[Path, typer.Option("--output", "-o", help="The Label Studio export to write")],
) -> None:
    """Put stripped annotations and their texts together again, as an export."""
    with reported():
        documents = list(restore(read_rows(rows), texts_of(map(str, corpus))))
        write_json(output, [to_export(number, document) for number, document in enumerate(documents, start=1)])
        say(f"{output}: {len(documents)} documents, {sum(len(document.entities) for document in documents)} spans")


def read_rows(path: Path) -> list[Row]:
    """The rows of a file of JSON lines."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Row.parse(json.loads(line), f"{path}:{number}") for number, line in enumerate(lines, start=1)]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: needed JSON lines, as `strip` writes them: {error}") from error
