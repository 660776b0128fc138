"""How the commands report errors: one line on standard error, exit status 2, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from nghiquyet.errors import NghiquyetError

BAD_INPUT = 2  # exit status
complaints = Console(stderr=True)


def complain(error: Exception) -> None:
    """Prints an error as it is: its text is no markup and is not wrapped."""
    complaints.print(Text.assemble(("error: ", "red"), str(error)), soft_wrap=True)


@contextmanager
def reported() -> Iterator[None]:
    """Turns this package's own errors into a line and exit status 2; any other is a bug and keeps its traceback."""
    try:
        yield
    except NghiquyetError as error:
        complain(error)
        raise typer.Exit(BAD_INPUT) from None
