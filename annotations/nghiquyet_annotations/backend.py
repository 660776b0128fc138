"""Label Studio's ML backend protocol, as server 1.23 speaks it (label_studio/ml/api_connector.py), over HTTP.

GET /health, /, /versions, /train; POST /setup, /predict, /webhook, /train. Every error is `{"error": ...}`.
"""

import base64
import binascii
import hmac
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from nghiquyet_annotations.labelling_config import unfit
from nghiquyet_annotations.serving import Model, Served, answer
from nghiquyet_annotations.training_job import Trainer, TrainingRunsError

log = logging.getLogger(__name__)
AT_ONCE = 2  # predict requests in work; each uses all cores
DRAIN = 4  # limits of body read and dropped before a refusal: a client that is still sending would not see it


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may hold."""

    body: int = 64 * 2**20
    """Bytes."""
    tasks: int = 1000
    characters: int = 500_000
    """Of one task's text; about 20 s on two cores, and Label Studio waits 100 s."""


class Json(Response):
    """ASCII JSON: a lone surrogate in an article can be escaped, but not encoded."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")


class Guard:
    """Lets in only who knows the secret, as the password of Basic authentication under any user name.

    POST needs the content type of JSON, which no web page can send to another origin unasked.
    """

    def __init__(self, app: ASGIApp, secret: str | None) -> None:
        self.app = app
        self.secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if self.secret and not _knows(request.headers.get("authorization", ""), self.secret):
            error = "needed the backend's secret as the password of Basic authentication"
            return Json({"error": error}, HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Basic"})
        if request.method == "POST" and not request.headers.get("content-type", "").startswith("application/json"):
            return Json({"error": "needed Content-Type: application/json"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        return None


def _knows(authorization: str, secret: str) -> bool:
    """Compares in constant time. `authorization` is `Basic BASE64(user:password)`."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        password = base64.b64decode(encoded, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(password, secret.encode()) and scheme.lower() == "basic"


def make_app(
    served: Served, *, trainer: Trainer | None = None, secret: str | None = None, limits: Limits | None = None
) -> Starlette:
    """The application. Without `trainer` a request to train is refused; without `secret` anyone who reaches it may ask.

    `/setup` is sent an API token by Label Studio; it is not looked at.
    """
    backend = _Backend(served, trainer, limits or Limits())
    routes = [
        Route("/", backend.health),
        Route("/health", backend.health),
        Route("/versions", backend.versions),
        Route("/setup", backend.setup, methods=["POST"]),
        Route("/predict", backend.predict, methods=["POST"]),
        Route("/webhook", backend.webhook, methods=["POST"]),
        Route("/train", backend.begin_training, methods=["POST"]),
        Route("/train", backend.training),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, secret=secret)],
        exception_handlers={HTTPException: _told},
        lifespan=backend.lifespan,
    )


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Json({"error": error.detail}, error.status_code, error.headers)


class _Backend:
    """The answers to each address."""

    def __init__(self, served: Served, trainer: Trainer | None, limits: Limits) -> None:
        self.served = served
        self.trainer = trainer
        self.limits = limits
        self._at_once = anyio.CapacityLimiter(AT_ONCE)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        if self.trainer:
            self.trainer.stop()

    async def health(self, request: Request) -> Response:
        """Up once the model is loaded."""
        return Json({"status": "UP", "model_version": self._model().version})

    async def versions(self, request: Request) -> Response:
        return Json({"versions": [self._model().version]})

    async def setup(self, request: Request) -> Response:
        """Label Studio calls it when the backend is connected and before it asks for predictions."""
        body = await self._body(request)
        if problem := unfit(str(body.get("schema") or "")):
            raise _refused(HTTPStatus.BAD_REQUEST, f"the project's labelling interface does not fit: {problem}")
        return Json({"model_version": self._model().version})

    async def predict(self, request: Request) -> Response:
        """One result a task, in the order of the tasks."""
        tasks = (await self._body(request)).get("tasks")
        if not isinstance(tasks, list):
            raise _refused(HTTPStatus.BAD_REQUEST, f"'tasks' is {type(tasks).__name__}, needed a list of tasks")
        if len(tasks) > self.limits.tasks:
            raise _refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"{len(tasks)} tasks, at most {self.limits.tasks} in one request: ask for fewer at a time, "
                "raise --max-tasks, or use nghiquyet-annotate preannotate",
            )
        model = self._model()
        results = await self._in_thread(lambda: [answer(model, task, self.limits.characters) for task in tasks])
        return Json({"results": results, "model_version": model.version})

    async def webhook(self, request: Request) -> Response:
        """START_TRAINING begins a training; of every other event Label Studio only gets a receipt."""
        body = await self._body(request)
        if body.get("action") != "START_TRAINING":
            return Json({"status": "ignored"})
        return self._begin(body.get("project"))

    async def begin_training(self, request: Request) -> Response:
        return self._begin((await self._body(request)).get("project"))

    async def training(self, request: Request) -> Response:
        """How the last training went, or goes."""
        job = self.trainer.job if self.trainer else None
        return Json({"job": asdict(job) if job else None})

    def _begin(self, project: Any) -> Response:
        number = project.get("id") if isinstance(project, dict) else project
        if type(number) is not int:
            raise _refused(HTTPStatus.BAD_REQUEST, 'needed the project\'s number: {"project": 1}')
        if self.trainer is None:
            raise _refused(HTTPStatus.BAD_REQUEST, "this backend does not train: start it with --train CONFIG.yaml")
        try:
            job = self.trainer.begin(number)
        except TrainingRunsError as error:
            raise _refused(HTTPStatus.CONFLICT, str(error)) from error
        return Json({"job": job.id, "status": job.state}, HTTPStatus.ACCEPTED)

    def _model(self) -> Model:
        if self.served.model is None:
            raise _refused(HTTPStatus.SERVICE_UNAVAILABLE, "the model is being loaded; ask again in a moment")
        return self.served.model

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await anyio.to_thread.run_sync(work, limiter=self._at_once)

    async def _body(self, request: Request) -> dict[str, Any]:
        """The JSON object in the body; 413 where it is too large, 400 where it is none."""
        content, size = bytearray(), 0
        async for chunk in request.stream():
            size += len(chunk)
            if size <= self.limits.body:
                content += chunk
            elif size > DRAIN * self.limits.body:
                break
        if size > self.limits.body:
            raise _refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the request is larger than {self.limits.body} bytes: send fewer tasks, or raise --max-body",
            )
        try:
            body = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise _refused(HTTPStatus.BAD_REQUEST, f"the request is not JSON: {type(error).__name__}") from error
        if not isinstance(body, dict):
            raise _refused(HTTPStatus.BAD_REQUEST, f"the request is {type(body).__name__}, needed a JSON object")
        return body


def _refused(status: HTTPStatus, message: str) -> HTTPException:
    return HTTPException(status, message)
