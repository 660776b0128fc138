"""The command `nghiquyet`: entities of files, and what the model is."""

import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from importlib.metadata import version
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from nghiquyet.artefact import DEFAULT_MODEL, bundled_models, open_artefact
from nghiquyet.console import BAD_INPUT, complain, complaints, reported
from nghiquyet.documents import Document
from nghiquyet.errors import InputError, NghiquyetError
from nghiquyet.predictor import BackendName, Predictor
from nghiquyet.render import to_conll, to_html, to_jsonl, to_table
from nghiquyet.sources import Source, read_sources

LONE_SURROGATES = "backslashreplace"  # UTF-8 has none; in JSON the escape says the same

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


class Format(StrEnum):
    """How `predict` writes."""

    TABLE = "table"
    JSONL = "jsonl"
    CONLL = "conll"
    HTML = "html"


ModelOption = Annotated[str, typer.Option(help="Bundled model, model folder or Hub id")]


@app.command()
def predict(
    files: Annotated[list[str], typer.Argument(help=".txt and .jsonl files, folders of them, or - for standard input")],
    model: ModelOption = DEFAULT_MODEL,
    backend: Annotated[BackendName | None, typer.Option(help="onnx or torch; by default what the model has")] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="Form of the output")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write here instead of to the terminal")] = None,
    segmenter: Annotated[str | None, typer.Option(help="Use this one whatever the model was trained with")] = None,
    text_field: Annotated[str, typer.Option(help="The field of a .jsonl line that holds the text")] = "text",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the model; by default one a core")] = None,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Leave out entities that score less")] = 0.0,
    precision: Annotated[
        float | None, typer.Option(min=0, max=1, help="Set --min-score for this precision on development data")
    ] = None,
) -> None:
    """Find the entities of texts.

    Example: nghiquyet predict annotations/articles --format html -o entities.html
    """
    with reported():
        predictor = Predictor.load(model, backend=backend, segmenter=segmenter, threads=threads)
        if precision is not None:
            point = predictor.min_score_for(precision)
            min_score = max(min_score, point.min_score)
            complaints.print(
                f"entities that score {min_score:.2f} or more: on development data precision {point.precision:.2f}, "
                f"recall {point.recall:.2f}"
            )
        failures: list[NghiquyetError] = []
        documents = _documents(predictor, read_sources(files, text_field), failures, min_score, quiet=_is_quiet(output))
        _write(documents, predictor, format, output)
        if failures:
            raise typer.Exit(BAD_INPUT)


@app.command()
def info(model: ModelOption = DEFAULT_MODEL) -> None:
    """Show a model's labels, segmenter, licence, figures, and the versions in use."""
    with reported():
        artefact = open_artefact(model)
        manifest = artefact.manifest
        table = Table(show_header=False, title=Text(f"model {manifest.name}"), title_justify="left")
        facts = {
            "folder": str(artefact.folder),
            "labels": ", ".join(sorted({tag[2:] for tag in manifest.labels if tag != "O"})),
            "segmenter": f"{manifest.segmenter} {manifest.segmenter_version}",
            "window": f"{manifest.max_pieces} pieces",
            "licence": manifest.licence,
            "encoder": ", ".join(f"{key}: {value}" for key, value in manifest.base.items()),
            "files": ", ".join(f"{name} {_megabytes(artefact.folder / name)}" for name in manifest.files),
            **{f"F1, {part}": _headline(rows) for part, rows in manifest.metrics.items() if "micro" in rows},
            "made with": ", ".join(f"{name} {number}" for name, number in manifest.versions.items()),
            "running on": ", ".join(f"{name} {version(name)}" for name in ("nghiquyet", "onnxruntime", "numpy")),
            "Python": platform.python_version(),
            "bundled models": ", ".join(bundled_models()),
        }
        for key, value in facts.items():
            table.add_row(key, Text(value))
        Console().print(table)


def _megabytes(path: Path) -> str:
    return f"({path.stat().st_size / 1e6:.1f} MB)" if path.is_file() else "(missing)"


def _headline(rows: dict[str, dict[str, float]]) -> str:
    micro = rows["micro"]
    labels = ", ".join(f"{name} {row['f1']:.2f}" for name, row in rows.items() if name != "micro")
    return f"{micro['f1']:.3f} ({micro['f1_low']:.3f}-{micro['f1_high']:.3f}); {labels}"


def _is_quiet(output: Path | None) -> bool:
    """Whether a progress bar would mix with the results, or nobody would see it."""
    return not sys.stderr.isatty() or (output is None and sys.stdout.isatty())


def _documents(
    predictor: Predictor,
    sources: Iterable[Source | InputError],
    failures: list[NghiquyetError],
    min_score: float,
    *,
    quiet: bool,
) -> Iterator[Document]:
    """Predicts source after source; a failed one is reported and gathered, the others go on."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=complaints, transient=True, disable=quiet) as progress:
        task = progress.add_task("texts", total=None)
        for source in sources:
            try:
                if isinstance(source, InputError):
                    raise source
                document = Document(source.id, source.text, tuple(predictor.predict(source.text, min_score=min_score)))
            except NghiquyetError as error:
                failures.append(error)
                complain(error)
            else:
                yield document
            progress.advance(task)


def _write(documents: Iterator[Document], predictor: Predictor, format: Format, output: Path | None) -> None:
    """To the terminal as it comes; to a file under another name first, so that a break leaves no half file.

    Where no text could be read, a file from before stays as it was.
    """
    first = next(documents, None)
    if first is None:
        return
    documents = chain([first], documents)
    if output is None:
        if isinstance(sys.stdout, TextIOWrapper) and format is not Format.TABLE:
            sys.stdout.reconfigure(encoding="utf-8", errors=LONE_SURROGATES)
        _write_to(sys.stdout, documents, predictor, format)
        return
    partial = output.with_name(f"{output.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n", errors=LONE_SURROGATES) as file:
            _write_to(file, documents, predictor, format)
        partial.replace(output)
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _write_to(file: TextIO, documents: Iterator[Document], predictor: Predictor, format: Format) -> None:
    if format is Format.TABLE:
        console = Console(file=file, width=None if file.isatty() else 120)
        for document in documents:
            console.print(to_table(document))
        return
    parts: dict[Format, Callable[[], Iterator[str]]] = {
        Format.JSONL: lambda: (f"{to_jsonl(document)}\n" for document in documents),
        Format.CONLL: lambda: (to_conll(d, predictor.encoder.encode(d.text)) for d in documents),
        Format.HTML: lambda: to_html(documents),
    }
    for part in parts[format]():
        file.write(part)
        file.flush()


if __name__ == "__main__":
    app()
