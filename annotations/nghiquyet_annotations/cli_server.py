"""The commands that speak to a Label Studio server. What one has done stays done: run again, it goes on from there."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nghiquyet.artefact import DEFAULT_MODEL
from nghiquyet.console import BAD_INPUT, complain, reported
from nghiquyet.errors import ArtefactError, InputError
from nghiquyet.label_studio import State, parse_task, read_tasks
from nghiquyet.labels import LABELS
from nghiquyet.predictor import Predictor
from nghiquyet.sources import Source, read_sources
from nghiquyet_annotations import adjudicate as adjudication
from nghiquyet_annotations import preannotate as preannotation
from nghiquyet_annotations import pull as pulling
from nghiquyet_annotations import push as pushing
from nghiquyet_annotations import queue as queueing
from nghiquyet_annotations.console import (
    Config,
    Export,
    ProjectName,
    Token,
    Url,
    connect,
    connect_to_project,
    new_table,
    notify,
    progress,
    say,
)
from nghiquyet_annotations.predictions import model_version, predict
from nghiquyet_annotations.project import init_project
from nghiquyet_annotations.ranking import rank
from nghiquyet_annotations.raw import write_json
from nghiquyet_annotations.server import Server
from nghiquyet_annotations.stats import Stats
from nghiquyet_annotations.stats import stats as count
from nghiquyet_annotations.validate import show

app = typer.Typer()
command = partial(app.command, rich_help_panel="With a server")
SHOWN = 20  # problems that are printed one by one

Model = Annotated[str, typer.Option(help="Bundled model, model folder or Hub id")]


@command(epilog="Example: nghiquyet-annotate init 'Nghị quyết, tuần 1'")
def init(
    title: Annotated[str, typer.Argument(help="Title of the project, new or there already")],
    guideline: Annotated[
        str | None, typer.Option(metavar="URL", help="Address of the guideline, to link it in the instructions")
    ] = None,
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Make a project with labels, hotkeys and instructions, or bring it up to date. No label in use is ever removed."""
    with reported():
        project, what = init_project(connect(url, token, config), title, guideline_url=guideline)
    say(f"project {project.id} ({project.title}): {what}")


@command(epilog="Example: nghiquyet-annotate push annotations/articles -p 'Tuần 1'")
def push(
    files: Annotated[
        list[str], typer.Argument(help=".txt, .jsonl, .jsonl.xz files, folders of them, or - for standard input")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing")] = False,
    text_field: Annotated[str, typer.Option(help="The field of a .jsonl line that holds the text")] = "text",
    project: ProjectName = None,
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Send articles, one task each. Those that the project has are skipped; a text is never changed.

    A file that cannot be read is reported, the others are sent, and the exit status is 2.
    """
    with reported():
        server, found = connect_to_project(url, token, config, project)
        sources, failures = _read(files, text_field)
        plan = pushing.plan(sources, pushing.present_ids(server, found.id))
        if not dry_run:
            with progress("tasks", len(plan.new)) as advance:
                pushing.push(server, found.id, plan.new, advance)
    for source in plan.repeated:
        notify(f"{source.id}: the same text as one before it; sent once")
    say(
        f"project {found.id} ({found.title}): {len(plan.new)} task(s) {'to send' if dry_run else 'sent'}, "
        f"{len(plan.present)} there already, {len(plan.repeated)} repeated"
    )
    raise typer.Exit(BAD_INPUT if failures else 0)


def _read(files: list[str], text_field: str) -> tuple[list[Source], int]:
    """The texts that can be sent as they are, and the number of those that cannot, which are reported."""
    sources, failures = [], 0
    for found in read_sources(files, text_field):
        try:
            if isinstance(found, InputError):
                raise found
            pushing.check(found)
            sources.append(found)
        except InputError as error:
            complain(error)
            failures += 1
    return sources, failures


@command(epilog="Example: nghiquyet-annotate preannotate -p 'Tuần 1' --blind-share 0.1")
def preannotate(
    model: Model = DEFAULT_MODEL,
    blind_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of the tasks that never get a prediction, to measure anchoring"),
    ] = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing")] = False,
    project: ProjectName = None,
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Send a model's predictions for the tasks that nobody has answered or begun.

    Predictions carry scores and the model's name and hash; those that are there already are skipped.
    """
    with reported():
        server, found = connect_to_project(url, token, config, project)
        predictor, version = _load(model)
        plan = preannotation.plan(server.tasks(found.id), version, blind_share)
        if not dry_run:
            with progress("predictions", len(plan.open)) as advance:
                preannotation.preannotate(server, found.id, predictor, version, plan, advance)
    say(
        f"project {found.id} ({found.title}), model {version}: {len(plan.open)} prediction(s) "
        f"{'to send' if dry_run else 'sent'}, {plan.done} there already, {plan.blind} task(s) blind, "
        f"{plan.answered} answered or begun"
    )


def _load(model: str) -> tuple[Predictor, str]:
    predictor = Predictor.load(model)
    if predictor.artefact is None:
        raise ArtefactError(f"{model} has no manifest, and so no version to name")
    return predictor, model_version(predictor.artefact)


@command(epilog="Example: nghiquyet-annotate pull -p 'Tuần 1' -o tuan-1")
def pull(
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder; what earlier pulls left there is replaced")],
    project: ProjectName = None,
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Save what annotators did: export.json and documents.jsonl, without mail addresses, and the export as it came.

    The last is in raw/, which git ignores: keep it to yourself. Exit status 1 where an annotation has a problem.
    """
    with reported():
        server, found = connect_to_project(url, token, config, project)
        with progress("export", None):
            pulled = pulling.pull(server, found.id, output)
        counted = count(read_tasks(pulled.export)) if not pulled.report.problems else None
    for problem in pulled.report.problems[:SHOWN]:
        say(f"{pulled.export}: {problem}")
    if len(pulled.report.problems) > SHOWN:
        say(f"... and {len(pulled.report.problems) - SHOWN} more: nghiquyet-annotate validate {pulled.export}")
    _print_states(pulled.report.states, pulled.report.several)
    if counted:
        _print_annotators(counted)
    say(f"{pulled.export}, {pulled.documents}: {pulled.trimmed} span(s) had white space trimmed off their edges")
    say(f"{pulled.raw}: as it came, with mail addresses; not to be shared")
    raise typer.Exit(int(bool(pulled.report.problems)))


@command(epilog="Example: nghiquyet-annotate adjudicate a.json b.json -t 'Phân xử' -o gold.json")
def adjudicate(
    export: Export,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The adjudicated export")],
    title: Annotated[str, typer.Option("--title", "-t", help="Title of the adjudicator's project, made where new")],
    other: Annotated[Path | None, typer.Argument(help="Second export; without it the annotators of the first")] = None,
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Take over what agrees, and have the rest decided in a project with both sides as predictions.

    Run the same command again when decisions were made: it fetches them, and writes who had each span before
    ("provenance"). Exit status 1 as long as a document is open.
    """
    with reported():
        sides = adjudication.read_sides(export, other)
        answers = _ask_adjudicator(sides, connect(url, token, config), title, output) if sides.disputed else None
        outcome = adjudication.decide(sides, answers)
        write_json(output, outcome.items)
    say(f"{len(sides.agreed)} document(s) agree, {len(sides.disputed)} do not; those are in the project {title}")
    for what, names in (("left out, for only one side has them", sides.left_out), ("skipped", outcome.skipped)):
        if names:
            say(f"{what}: {', '.join(names)}")
    say(f"{output}: {len(outcome.items)} document(s); {len(outcome.open)} still open")
    raise typer.Exit(int(bool(outcome.open)))


def _ask_adjudicator(sides: adjudication.Sides, server: Server, title: str, output: Path) -> Path:
    """Sends what is disputed and not there yet, and pulls what was decided so far; returns the path of its export."""
    project, _ = init_project(server, title)
    tasks = list(server.tasks(project.id))
    adjudication.check_texts(sides, tasks)
    missing = adjudication.missing_tasks(sides, tasks)
    with progress("tasks", len(missing)) as advance:
        pushing.push(server, project.id, missing, advance)
    return pulling.pull(server, project.id, output.parent / f"{output.stem}-answers").export


@command(epilog="Example: nghiquyet-annotate queue -p 'Tuần 1' --count 20")
def queue(
    model: Model = DEFAULT_MODEL,
    count: Annotated[int, typer.Option(min=1, max=9999, help="Documents to put into the queue")] = 50,
    project: ProjectName = None,
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Put the documents that are most worth annotating in order: least sure for the model, least like the others.

    The order is a tab of the project; annotators open it and choose "Label Tasks As Displayed".
    """
    with reported():
        server, found = connect_to_project(url, token, config, project)
        predictor = Predictor.load(model)
        tasks = list(server.tasks(found.id))
        waiting = queueing.waiting(tasks)
        texts = [str(task["data"].get("text")) for task in waiting]
        confidences = []
        with progress("texts", len(texts)) as advance:
            for text in texts:
                confidences.append(predict(predictor, text).confidence)
                advance(1)
        done = [str(task["data"].get("text")) for task in tasks if task not in waiting]
        order = rank(texts, confidences, done)[:count]
        with progress("places", len(tasks)) as advance:
            queueing.enqueue(server, found.id, tasks, [waiting[i]["id"] for i in order], advance)
    for place, i in enumerate(order, start=1):
        say(f"{place}. task {waiting[i]['id']}, confidence {confidences[i]:.3f}: {show(texts[i][:60])}")
    say(f"project {found.id} ({found.title}): {len(order)} of {len(waiting)} waiting task(s) in the tab {queueing.TAB}")


@command(
    epilog="Example: nghiquyet-annotate stats -p 'Tuần 1' or: nghiquyet-annotate stats annotations/gold/gold.json",
)
def stats(
    exports: Annotated[
        list[Path] | None, typer.Argument(help="Label Studio exports; without any the project on the server")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Surface forms to show for each label")] = 10,
    project: ProjectName = None,
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Count states, labels, annotators, documents and the most frequent surface forms, of exports or of a project."""
    with reported():
        if exports:
            counted = count(task for export in exports for task in read_tasks(export))
        else:
            server, found = connect_to_project(url, token, config, project)
            counted = count(parse_task(task, f"task {task['id']}") for task in server.tasks(found.id))
    _print_states(counted.states, counted.several)
    _print_annotators(counted)
    _print_labels(counted, top)


def _print_states(states: Counter[State], several: int) -> None:
    table = new_table("state", "tasks")
    for state in State:
        table.add_row(state, str(states[state]))
    table.add_row("several annotators", str(several), style="dim")
    Console().print(table)


def _print_annotators(counted: Stats) -> None:
    answered = (State.LABELLED, State.EMPTY, State.SKIPPED)
    table = new_table("annotator", *answered)
    for name, states in sorted(counted.annotators.items()):
        table.add_row(name, *(str(states[state]) for state in answered))
    if table.row_count:
        Console().print(table)


def _print_labels(counted: Stats, top: int) -> None:
    console = Console()
    labels = new_table("document", *LABELS.names, "all")
    for document, counts in (*counted.documents.items(), ("all", counted.labels)):
        labels.add_row(document, *(str(counts[name]) for name in LABELS.names), str(counts.total()))
    console.print(labels)
    for name in LABELS.names:
        forms = new_table(f"{name}: most frequent", "times")
        for form, times in counted.forms.get(name, Counter[str]()).most_common(top):
            forms.add_row(show(form)[1:-1], str(times))
        if forms.row_count:
            console.print(forms)
