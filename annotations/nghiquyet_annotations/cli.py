"""The command `nghiquyet-annotate`. Exit status: 0 all well, 1 problems found, 2 input that cannot be used."""

import typer

from nghiquyet_annotations import cli_backend, cli_files, cli_server, cli_standoff

app = typer.Typer(
    help="From a folder of articles to annotated data, with Label Studio. On files, no server is asked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_server.app)
app.add_typer(cli_backend.app)
app.add_typer(cli_files.app)
app.add_typer(cli_standoff.app)

if __name__ == "__main__":
    app()
