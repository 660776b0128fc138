"""The command `nghiquyet`: entities of files, and what the model is."""

import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from enum import StrEnum
from importlib.metadata import version
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from nghiquyet.artefact import DEFAULT_MODEL, bundled_models, open_artefact
from nghiquyet.backends import BackendName, Dtype
from nghiquyet.console import BAD_INPUT, complain, complaints, reported
from nghiquyet.documents import Document
from nghiquyet.errors import ConfigError, InputError, NghiquyetError
from nghiquyet.parallel import Answer, ModelChoice, answers, answers_in_processes
from nghiquyet.predictor import Predictor
from nghiquyet.render import to_conll, to_html, to_jsonl, to_table
from nghiquyet.resume import note_settings, settings_of, skip_done, whole_lines
from nghiquyet.sources import Form, Source, read_sources

LONE_SURROGATES = "backslashreplace"  # UTF-8 has none; in JSON the escape says the same

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


class Format(StrEnum):
    """How `predict` writes."""

    TABLE = "table"
    JSONL = "jsonl"
    CONLL = "conll"
    HTML = "html"


class Engine(StrEnum):
    """What runs `predict`."""

    LOCAL = "local"  # processes of this machine
    RAY = "ray"  # Ray Data, here or on a cluster; Parquet or JSON lines in, Parquet out


ModelOption = Annotated[str, typer.Option(help="Bundled model, model folder or Hub id")]


@app.command()
def predict(
    files: Annotated[
        list[str], typer.Argument(help=".txt, .jsonl, .jsonl.xz files, folders of them, or - for standard input")
    ],
    model: ModelOption = DEFAULT_MODEL,
    backend: Annotated[BackendName | None, typer.Option(help="By default the first that the model has")] = None,
    dtype: Annotated[Dtype | None, typer.Option(help="What torch and OpenVINO compute in; fp32 by default")] = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="Form of the output")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write here instead of to the terminal")] = None,
    segmenter: Annotated[str | None, typer.Option(help="Use this one whatever the model was trained with")] = None,
    text_field: Annotated[str, typer.Option(help="The field of a .jsonl line that holds the text")] = "text",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the model; by default one a core")] = None,
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Leave out entities that score less; by default the model's own")
    ] = None,
    precision: Annotated[
        float | None, typer.Option(min=0, max=1, help="Set --min-score for this precision on development data")
    ] = None,
    form: Annotated[Form, typer.Option("--input", help="What .txt files and standard input hold")] = Form.TEXT,
    workers: Annotated[int, typer.Option(min=1, help="Processes; each loads the model for itself")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted -o FILE -f jsonl")] = False,
    engine: Annotated[
        Engine, typer.Option(help="ray: .parquet and .jsonl files in, -o a folder of Parquet out, --workers of Ray")
    ] = Engine.LOCAL,
) -> None:
    """Find the entities of texts.

    Example: nghiquyet predict annotations/articles --format html -o entities.html

    Example: nghiquyet predict million.jsonl -f jsonl -o entities.jsonl --workers 2 --resume
    """
    with reported():
        if engine is Engine.LOCAL and resume and _is_complete(format, output):
            complaints.print(f"{output} is complete; delete it to do it again", markup=False)
            return
        choice = ModelChoice(model, backend, segmenter, threads or (1 if workers > 1 else None), dtype)
        predictor = choice.load()
        if precision is not None:
            min_score = _precise_score(predictor, precision, min_score or 0.0)
        if engine is Engine.RAY:
            _predict_on_ray(choice, files, output, format, text_field, min_score, workers, resume)
            return
        failures: list[NghiquyetError] = []
        sources = _readable(read_sources(files, text_field, form, besides=output), failures)
        if output and format is Format.JSONL:
            note_settings(_partial(output), _settings(choice, predictor, min_score, text_field), resume=resume)
        if resume and output:
            sources = skip_done(sources, _partial(output))
        if workers > 1:
            found = answers_in_processes(choice, sources, min_score, workers)
        else:
            found = answers(predictor, sources, min_score)
        documents = _documents(found, failures, quiet=_is_quiet(output))
        _write(documents, predictor, format, output, failures, resume=resume)
        if failures:
            raise typer.Exit(BAD_INPUT)


def _precise_score(predictor: Predictor, precision: float, least: float) -> float:
    """The score, `least` or higher, from which a model was so precise on its development data; says what it brought."""
    min_score = max(least, predictor.min_score_for(precision).min_score)
    point = predictor.operating_point(min_score)
    complaints.print(
        f"entities that score {min_score:.2f} or more: on development data precision {point.precision:.2f}, "
        f"recall {point.recall:.2f}"
    )
    return min_score


def _settings(choice: ModelChoice, predictor: Predictor, min_score: float | None, text_field: str) -> dict[str, Any]:
    """What answers depend on; of the model the hashes, of the threads nothing."""
    model = dict(predictor.artefact.manifest.files) if predictor.artefact else {}
    return {**asdict(choice), "model": model, "threads": None, "min_score": min_score, "text_field": text_field}


def _predict_on_ray(
    choice: ModelChoice,
    files: list[str],
    output: Path | None,
    format: Format,
    text_field: str,
    min_score: float | None,
    workers: int,
    resume: bool,
) -> None:
    from nghiquyet.ray_engine import Job, predict_corpus

    if output is None or format is not Format.TABLE:
        raise ConfigError("--engine ray writes Parquet into a folder: give -o FOLDER, and leave -f out")
    job = Job(replace(choice, threads=choice.threads or 1), tuple(files), output, text_field, min_score)
    failed = predict_corpus(job, workers=workers, resume=resume, console=complaints)
    if failed:
        complaints.print(f"{failed} texts have no answer; the column `error` says why", markup=False)
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


def _is_complete(format: Format, output: Path | None) -> bool:
    """Whether an output that can be resumed is there and nothing of it is missing."""
    if format is not Format.JSONL or output is None:
        raise ConfigError("--resume goes on with a file of JSON lines: give -f jsonl and -o FILE too")
    return output.exists() and not _partial(output).exists()


def _readable(sources: Iterable[Source | InputError], failures: list[NghiquyetError]) -> Iterator[Source]:
    """The sources that could be read; the others are reported and gathered."""
    for source in sources:
        if isinstance(source, InputError):
            failures.append(source)
            complain(source)
        else:
            yield source


def _documents(answers: Iterable[Answer], failures: list[NghiquyetError], *, quiet: bool) -> Iterator[Document]:
    """The documents among the answers, with a progress bar; a failed one is reported and gathered."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=complaints, transient=True, disable=quiet) as progress:
        task = progress.add_task("texts", total=None)
        for found in answers:
            if isinstance(found, NghiquyetError):
                failures.append(found)
                complain(found)
            else:
                yield found
            progress.advance(task)


def _partial(output: Path) -> Path:
    if not output.name or output.is_dir():
        raise InputError(f"cannot write {output}: it is a folder; give the name of a file")
    return output.with_name(f"{output.name}.partial")


def _write(
    documents: Iterator[Document],
    predictor: Predictor,
    format: Format,
    output: Path | None,
    failures: list[NghiquyetError],
    *,
    resume: bool,
) -> None:
    """To the terminal as it comes; to a file under another name first, so that a break leaves no half file.

    Where no text could be read, a file from before stays as it was. JSON lines stay in the partial file at a break,
    for `resume` to add to them.
    """
    begun = resume and output is not None and whole_lines(_partial(output)) > 0
    first = next(documents, None)
    if first is None and not begun and failures:
        if output:
            settings_of(_partial(output)).unlink(missing_ok=True)
        return
    documents = chain([first] if first else [], documents)
    if output is None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors=LONE_SURROGATES)
        _write_to(sys.stdout, documents, predictor, format)
        return
    partial = _partial(output)
    try:
        with partial.open("a" if resume else "w", encoding="utf-8", newline="\n", errors=LONE_SURROGATES) as file:
            _write_to(file, documents, predictor, format)
        partial.replace(output)
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}") from error
    finally:
        if format is not Format.JSONL and partial.parent.is_dir():
            partial.unlink(missing_ok=True)
    settings_of(partial).unlink(missing_ok=True)


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
