"""The command `nghiquyet-annotate backend`: serves a model to Label Studio until it is stopped."""

import logging
import socket
import threading
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nghiquyet.artefact import DEFAULT_MODEL, open_artefact
from nghiquyet.console import BAD_INPUT, complain, reported
from nghiquyet.errors import ConfigError, InputError, MissingExtraError
from nghiquyet_annotations.console import Config, Token, Url
from nghiquyet_annotations.pull import pull
from nghiquyet_annotations.server import Server
from nghiquyet_annotations.settings import Settings, read_settings

if TYPE_CHECKING:
    from nghiquyet_annotations.serving import Served
    from nghiquyet_annotations.training_job import Trainer

SECRET = "NGHIQUYET_BACKEND_SECRET"
MEBIBYTE = 2**20
app = typer.Typer()


@app.command(
    rich_help_panel="With a server",
    epilog="Example: nghiquyet-annotate backend --train configs/retrain.yaml --dev annotations/gold/gold.json",
)
def backend(
    model: Annotated[str, typer.Option(help="Bundled model, model folder or Hub id")] = DEFAULT_MODEL,
    host: Annotated[str, typer.Option(help="Address to listen on; any but loopback needs a secret")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one and says which")] = 9090,
    secret: Annotated[
        str | None, typer.Option(envvar=SECRET, help="Password that Label Studio must send; better in the environment")
    ] = None,
    train: Annotated[
        Path | None, typer.Option(metavar="CONFIG", help="Retrain on request by this configuration (configs/)")
    ] = None,
    dev: Annotated[
        list[Path] | None, typer.Option(metavar="EXPORT", help="Gold to judge new models on, beside the project's own")
    ] = None,
    work: Annotated[Path, typer.Option(help="Folder for trainings: exports, logs, models")] = Path("runs/backend"),
    max_body: Annotated[int, typer.Option(min=1, help="MiB in one request")] = 64,
    max_tasks: Annotated[int, typer.Option(min=1, help="Tasks in one request")] = 1000,
    max_characters: Annotated[int, typer.Option(min=1, help="Characters of one text")] = 500_000,
    url: Url = None,
    token: Token = None,
    config: Config = None,
) -> None:
    """Serve a model to Label Studio as its ML backend; retrain it on request.

    Connect it in the project's settings under Model: the address that this says, and with a secret Basic
    authentication, any user name, the secret as password.
    """
    with reported():
        try:
            from nghiquyet_annotations.backend import Limits, make_app
            from nghiquyet_annotations.serving import Served
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"the backend ({error.name} is not installed)", "annotate") from error
        _check_reach(host, secret)
        open_artefact(model)
        served = Served()
        trainer = None
        if train:  # what the settings lack is told before anything is served
            trainer = _trainer(served, train, work, dev or [], read_settings(url, token, config=config))
        limits = Limits(max_body * MEBIBYTE, max_tasks, max_characters)
        listener = _listen(host, port)
    _log_to_people()
    _serve(make_app(served, trainer=trainer, secret=secret, limits=limits), served, model, listener)
    if served.failure:
        complain(served.failure)
        raise typer.Exit(BAD_INPUT)
    if served.model is None:
        raise typer.Exit(1)


def _check_reach(host: str, secret: str | None) -> None:
    if not secret and not _is_loopback(host):
        raise ConfigError(
            f"--host {host} can be reached from other machines and needs a secret: set {SECRET}, "
            "and give it to Label Studio as the password of Basic authentication"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trainer(served: "Served", train: Path, work: Path, dev: list[Path], settings: Settings) -> "Trainer":
    from nghiquyet_annotations.training_job import Trainer

    def pull_export(project: int, folder: Path) -> Path:
        return pull(Server(settings), project, folder).export

    return Trainer(served, train, work, pull_export, tuple(dev))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except OSError as error:
        raise InputError(f"cannot listen on {host}:{port} ({error}); choose another port: --port 9091") from error


def _log_to_people() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _serve(app: Any, served: "Served", model: str, listener: socket.socket) -> None:
    """Answers at once, 503 until the model is loaded; ends when it cannot be."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))

    def load() -> None:
        try:
            served.load(model)
        finally:
            if served.model is None:
                server.should_exit = True

    host, port = listener.getsockname()[:2]
    typer.echo(f"ML backend at http://{f'[{host}]' if ':' in host else host}:{port}")
    threading.Thread(target=load, name="loading", daemon=True).start()
    server.run(sockets=[listener])
