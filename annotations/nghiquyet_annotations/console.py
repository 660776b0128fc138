"""What the commands share: printing, progress, and the options that say which server and project."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from nghiquyet.console import complaints
from nghiquyet_annotations.project import Project, find_project
from nghiquyet_annotations.server import Server
from nghiquyet_annotations.settings import ENVIRONMENT, read_settings

_ON_SERVER = "Server"

Export = Annotated[Path, typer.Argument(help="Label Studio export, format 'JSON'")]
Exports = Annotated[list[Path], typer.Argument(help="Label Studio exports, format 'JSON'", metavar="EXPORT...")]
Url = Annotated[
    str | None, typer.Option(help=f"Address of the server; or {ENVIRONMENT}URL", rich_help_panel=_ON_SERVER)
]
Token = Annotated[
    str | None,
    typer.Option(
        help=f"API token; on the command line others on the machine can see it; or {ENVIRONMENT}TOKEN",
        rich_help_panel=_ON_SERVER,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="TOML file with url, token, project, timeout; "
        f"or {ENVIRONMENT}CONFIG, or ~/.config/nghiquyet/label-studio.toml",
        rich_help_panel=_ON_SERVER,
    ),
]
ProjectName = Annotated[
    str | None,
    typer.Option(
        "--project", "-p", help=f"Id or title of the project; or {ENVIRONMENT}PROJECT", rich_help_panel=_ON_SERVER
    ),
]


def say(line: str) -> None:
    """Prints as it is: no markup (spans stand in square brackets), no line breaks of rich's own."""
    Console(highlight=False, soft_wrap=True).print(line, markup=False, emoji=False)


def notify(line: str) -> None:
    """Tells of something by the way, on standard error."""
    complaints.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)


class _Plain(Table):
    """Strings are shown as they are: names and texts of others may hold what rich takes for markup or an emoji."""

    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        plain = (Text(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*plain, style=style, end_section=end_section)


def new_table(first: str, *numbers: str) -> Table:
    """A table with one column of words and some of numbers."""
    made = _Plain(box=SIMPLE)
    made.add_column(Text(first), overflow="fold")
    for name in numbers:
        made.add_column(Text(name), justify="right")
    return made


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where somebody can see it; the function it gives takes what was done more."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=complaints, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def connect(url: str | None, token: str | None, config: Path | None) -> Server:
    """The server of the options, the environment or the configuration file."""
    return Server(read_settings(url, token, config=config), notify)


def connect_to_project(
    url: str | None, token: str | None, config: Path | None, project: str | None
) -> tuple[Server, Project]:
    """The server, and the project that is named there or in the settings."""
    server = connect(url, token, config)
    return server, find_project(server, project or server.settings.project)
