"""The commands on files: labelling interface, checks, counts, agreement, frozen versions. No server is asked."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nghiquyet.console import BAD_INPUT, complain, reported
from nghiquyet.errors import InputError, NghiquyetError
from nghiquyet.label_studio import State, read_documents
from nghiquyet.labels import LABELS, OUTSIDE
from nghiquyet_annotations import agreement as agreements
from nghiquyet_annotations import labelling_config
from nghiquyet_annotations.acceptance import ADDED, CHANGED, DELETED, KEPT
from nghiquyet_annotations.acceptance import acceptance as accepted
from nghiquyet_annotations.console import Export, Exports, new_table, say
from nghiquyet_annotations.edges import trim
from nghiquyet_annotations.freeze import changed, exports_of, freeze
from nghiquyet_annotations.raw import read_export, write_json
from nghiquyet_annotations.validate import Report, around, read_articles
from nghiquyet_annotations.validate import validate as check

app = typer.Typer()
command = partial(app.command, rich_help_panel="On files")
WORST = 5  # documents of least agreement that are named


@command(epilog="Example: nghiquyet-annotate config > labelling.xml")
def config(
    instructions: Annotated[bool, typer.Option("--instructions", help="The annotators' instructions (HTML)")] = False,
    guideline: Annotated[str | None, typer.Option(metavar="URL", help="Address of the guideline, to link it")] = None,
) -> None:
    """Print the labelling XML of a Label Studio project, or its instructions."""
    text = (
        labelling_config.instructions(guideline_url=guideline) if instructions else labelling_config.labelling_config()
    )
    typer.echo(text.rstrip("\n"))


@command(
    epilog="Example: nghiquyet-annotate validate gold.json --articles annotations/articles --fix mended.json",
)
def validate(
    exports: Annotated[
        list[Path], typer.Argument(help="Label Studio exports, or folders of a frozen version", metavar="EXPORT...")
    ],
    articles: Annotated[
        Path | None, typer.Option(help="Folder of the articles, or their manifest.json: texts must be unchanged")
    ] = None,
    fix: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write a copy with white space trimmed off the spans' edges")
    ] = None,
) -> None:
    """Check exports for what the server does not check. Exit status 1 where there is a problem.

    Of a frozen version it also checks that its exports are still what was frozen.
    """
    with reported():
        if fix and (len(exports) > 1 or fix.resolve() == exports[0].resolve()):
            raise InputError("--fix takes one export and writes to another file; call it once for each export")
        known = read_articles(articles) if articles else None
        frozen = [each for each in exports if each.is_dir()]
        changes = [f"{folder}: {change}" for folder in frozen for change in changed(folder)]
        exports = [file for each in exports for file in (exports_of(each) if each in frozen else [each])]
    for change in changes:
        say(change)
    reports: dict[Path, Report] = {}
    for export in exports:
        try:
            items = _mended(export, fix) if fix else read_export(export)
            reports[export] = check(items, articles=known)
        except NghiquyetError as error:
            complain(error)
    for export, report in reports.items():
        _print_problems(export, report)
    _print_reports(reports)
    if len(reports) < len(exports):
        raise typer.Exit(BAD_INPUT)
    raise typer.Exit(int(bool(changes) or any(report.problems for report in reports.values())))


def _mended(export: Path, out: Path) -> list[object]:
    items, moved = trim(read_export(export))
    write_json(out, items)
    say(f"{out}: {moved} span(s) trimmed; what is reported below is left to mend by hand")
    return items


def _print_problems(export: Path, report: Report) -> None:
    for problem in report.problems:
        say(f"{export}: {problem}")
        if problem.context:
            say(f"    {problem.context}")


def _print_reports(reports: dict[Path, Report]) -> None:
    table = new_table("export", *(state.name.lower() for state in State), "several", "problems")
    table.caption = "empty: reviewed, nothing to mark; several: answered by more than one annotator"
    for name, report in zip(_names(*reports), reports.values(), strict=True):
        counts = [report.states[state] for state in State]
        table.add_row(name, *map(str, (*counts, report.several, len(report.problems))))
    Console().print(table)


@command(
    epilog="Example: nghiquyet-annotate agreement annotations/gold/pass-a.json annotations/gold/pass-b.json",
)
def agreement(
    export: Export,
    other: Annotated[Path | None, typer.Argument(help="Second export; without it the annotators of the first")] = None,
) -> None:
    """Exact span F1 between two exports, or between the annotators of one, with every difference."""
    with reported():
        apart: list[tuple[str, str]] = []
        if other is None:
            found, apart = agreements.pairwise(export)
        else:
            pair = read_documents([export]), read_documents([other])
            first, second = _names(export, other)
            found = [agreements.agreement(*pair, (first, second))]
    for one in found:
        _print_agreement(one)
    for names in apart:
        say(f"{' and '.join(names)} have no document in common")


@command(epilog="Example: nghiquyet-annotate acceptance export.json")
def acceptance(exports: Exports) -> None:
    """What annotators did with pre-annotated spans: kept, changed, deleted, added."""
    with reported():
        found = accepted(item for export in exports for item in read_export(export))
    table = new_table("label", "kept", "changed", "deleted", "added", "kept of predicted", "drawn blind")
    for name in (*LABELS.names, None):
        rate = found.rate(name)
        counts = (str(found.of(what, name)) for what in (KEPT, CHANGED, DELETED, ADDED))
        blind = found.blind_counts[name] if name else found.blind_counts.total()
        table.add_row(name or "all", *counts, "-" if rate is None else f"{rate:.0%}", str(blind))
    Console().print(table)
    for what, times, each in (
        ("begun from a prediction", found.annotations, found.spans_each),
        ("without a prediction", found.blind, found.blind_spans_each),
    ):
        say(f"annotations {what}: {times}" + ("" if each is None else f", with {each:.1f} spans each"))
    if found.lost:
        say(f"begun from a prediction that is no longer there, and not counted: {found.lost}")


def _names(*files: Path) -> list[str]:
    """What files are called; with their folders where names alone are the same."""
    alone = [file.name for file in files]
    return alone if len(set(alone)) == len(alone) else [str(file) for file in files]


def _print_agreement(found: agreements.Agreement) -> None:
    table = new_table("label", "exact F1", "overlap F1", found.first, found.second, "same")
    for name, c in found.counts.items():
        shares = (f"{c.f1:.4f}", f"{found.overlap[name].f1:.4f}")
        table.add_row(name, *shares, str(c.gold), str(c.predicted), str(c.hits))
    console = Console()
    console.print(f"{found.first} and {found.second}: {found.documents} document(s) in common", markup=False)
    console.print(table)
    say(f"Cohen's kappa over {found.tokens.total()} tokens: {found.kappa:.4f}")
    _print_confusion(found)
    for name, c in found.worst(WORST):
        say(f"least agreement: document {name}, F1 {c.f1:.4f}")
    for difference in found.differences:
        _print_difference(difference)
    if found.left_out:
        say(f"left out, for only one side has them: {', '.join(found.left_out)}")


@command(epilog="Example: nghiquyet-annotate diff before.json after.json")
def diff(export: Export, other: Annotated[Path, typer.Argument(help="The export to compare it with")]) -> None:
    """Show every span that differs between two exports, and the documents that one lacks. Exit status 1 if any."""
    with reported():
        sides = read_documents([export]), read_documents([other])
        only = [sorted({d.id for d in a} - {d.id for d in b}) for a, b in (sides, sides[::-1])]
        common = {d.id for d in sides[0]} & {d.id for d in sides[1]}
        names = _names(export, other)
        found = agreements.agreement(*sides, (names[0], names[1])).differences if common else ()
    for difference in found:
        _print_difference(difference)
    for name, documents in zip(names, only, strict=True):
        if documents:
            say(f"only in {name}: {', '.join(documents)}")
    say(f"{len(found)} span(s) differ in {len(common)} common document(s)")
    raise typer.Exit(int(bool(found or any(only))))


@command(epilog="Example: nghiquyet-annotate gold export.json -o gold-2 --version 2")
def gold(
    exports: Exports,
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for the frozen version")],
    version: Annotated[str, typer.Option(help="Its name or number")],
) -> None:
    """Freeze a version of the gold: exports, checksums, counts by part, near-duplicates. Exit status 1 on leakage."""
    with reported():
        manifest = freeze(exports, output, version)
    table = new_table("part", "documents", *LABELS.names)
    for name, counts in manifest["parts"].items():
        table.add_row(name, *map(str, counts.values()))
    Console().print(table)
    for each in manifest["near_duplicates"]:
        first, second = each["documents"]
        say(
            f"near-duplicates: {first} ({each['parts'][0]}) and {second} ({each['parts'][1]}) share {each['share']:.0%}"
        )
    if manifest["leakage"]:
        say(f"{len(manifest['leakage'])} pair(s) fall into different parts: keep one of each, and freeze again")
    raise typer.Exit(int(bool(manifest["leakage"])))


def _print_confusion(found: agreements.Agreement) -> None:
    """How the labels of tokens were taken for each other; nothing where they never were."""
    names = [*LABELS.names, OUTSIDE]
    if all(a == b for a, b in found.tokens):
        return
    table = new_table(f"{found.first} \\ {found.second}", *names)
    for row in names:
        table.add_row(row, *(str(found.tokens[row, column]) for column in names))
    Console().print(table)


def _print_difference(difference: agreements.Difference) -> None:
    say(f"document {difference.document.id}: {difference.kind}")
    for side, entity in (("first ", difference.first), ("second", difference.second)):
        if entity:
            context = around(difference.document.text, entity.start, entity.end)
            say(f"    {side} {entity.label} [{entity.start}, {entity.end}): {context}")
