"""A Label Studio server through its SDK: one place for time-outs, second attempts, and errors in plain words."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from nghiquyet.errors import MissingExtraError, NghiquyetError
from nghiquyet_annotations.settings import Settings

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

OLDEST = (1, 20)  # the SDK of series 2 speaks to these and later ones; tested with 1.23.2
ATTEMPTS = 4
FIRST_WAIT = 1.0  # seconds, doubled at each further attempt
LONGEST_WAIT = 120.0  # seconds; what a server asks for beyond that is for the user to decide
PAGE = 100  # tasks a request
OK = 200
TOO_MANY_REQUESTS = 429

T = TypeVar("T")


class ServerError(NghiquyetError):
    """A server that cannot be reached, refuses, fails or is too old. What was done before stays done.

    `status` is that of the HTTP answer, None where there was none. `wait` is what the server asked for, in seconds.
    """

    def __init__(self, message: str, status: int | None = None, wait: float | None = None) -> None:
        super().__init__(message)
        self.status, self.wait = status, wait

    @property
    def was_not_done(self) -> bool:
        """Whether the request certainly changed nothing, so that it can be sent again."""
        return self.status == TOO_MANY_REQUESTS

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status is None or self.status >= 500 or self.was_not_done


class Server:
    """The server of the settings, under the account of their token."""

    def __init__(self, settings: Settings, notify: Callable[[str], None] = lambda line: None) -> None:
        """`notify` is told of each wait. ServerError where the server is away, refuses the token or is too old."""
        self.settings = settings
        self._notify = notify
        self._api = _client(settings)
        self.version = str(self.read(lambda api: api.versions.get().release) or "")
        _check_version(self.version, settings.url)
        self.read(lambda api: api.users.whoami())

    def read(self, call: Callable[["LabelStudio"], T]) -> T:
        """The answer to a call that changes nothing; it is made again where the failure may pass."""
        return self._attempt(call, lambda error: error.may_pass)

    def write(self, call: Callable[["LabelStudio"], T]) -> T:
        """The answer to a call that changes something; made again only where the first certainly changed nothing."""
        return self._attempt(call, lambda error: error.was_not_done)

    def _attempt(self, call: Callable[["LabelStudio"], T], again: Callable[[ServerError], bool]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(call)
            except ServerError as error:
                wait = FIRST_WAIT * 2 ** (attempt - 1) if error.wait is None else error.wait
                if attempt == ATTEMPTS or not again(error) or wait > LONGEST_WAIT:
                    raise
                self._notify(f"{error}; next attempt in {wait:.0f} s")
                time.sleep(wait)
        raise AssertionError("unreachable")

    def _once(self, call: Callable[["LabelStudio"], T]) -> T:
        import httpx
        from label_studio_sdk.core.api_error import ApiError
        from label_studio_sdk.core.parse_error import ParsingError

        try:
            return call(self._api)
        except httpx.TimeoutException as error:
            seconds = self.settings.timeout
            raise ServerError(
                f"{self.settings.url} gave no answer within {seconds:g} s; it is slow or overloaded: "
                "run the command again, or set a longer timeout"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = str(error) or type(error).__name__
            raise ServerError(
                f"the connection to {self.settings.url} failed ({kind}); is the server running? "
                "What was done so far stays: run the command again"
            ) from error
        except (ApiError, ParsingError) as error:
            raise _refusal(self.settings.url, error.status_code, error.headers, error.body) from error
        except NghiquyetError:
            raise
        except (TypeError, AttributeError, ValueError) as error:  # the SDK takes an answer's form for granted
            raise _refusal(self.settings.url, OK, None, None) from error

    def tasks(self, project: int) -> Iterator[dict[str, Any]]:
        """The tasks of a project by rising id, as JSON, each with its annotations and predictions.

        Of drafts the server shows the token's own alone; `is_begun` knows of all.
        """
        query = '{"ordering": ["tasks:id"]}'
        page, seen, total = 0, 0, 1
        while seen < total:
            page += 1
            found = self.read(
                lambda api, page=page: (
                    api.tasks.list(  # type: ignore[misc]
                        project=project, page=page, page_size=PAGE, query=query, resolve_uri=False
                    ).response
                )
            )
            total = found.total
            if not found.tasks:
                return
            seen += len(found.tasks)
            for task in found.tasks:
                yield task.model_dump(mode="json")


def is_begun(task: dict[str, Any]) -> bool:
    """Whether anybody has answered a task of `Server.tasks`, or left a draft."""
    return bool(task.get("annotations") or task.get("drafts") or task.get("draft_exists"))


def _client(settings: Settings) -> "LabelStudio":
    try:
        from label_studio_sdk import LabelStudio
        from label_studio_sdk.core.api_error import ApiError
    except ImportError as error:
        raise MissingExtraError("speaking to Label Studio", "annotate") from error
    try:
        return LabelStudio(base_url=settings.url, api_key=settings.token, timeout=settings.timeout, max_retries=0)
    except ApiError as error:  # a personal access token that has expired is seen before anything is sent
        raise _refusal(settings.url, error.status_code, error.headers, error.body) from error


def _refusal(url: str, status: int | None, headers: dict[str, str] | None, body: Any) -> ServerError:
    detail = _detail(body)
    if status == 401:
        return ServerError(f"{url} does not accept the token (401{detail}); take a new one from its account page", 401)
    if status == 403:
        return ServerError(f"{url} does not allow this to the token's account (403{detail})", 403)
    if status == TOO_MANY_REQUESTS:
        return ServerError(f"{url} is asked too often (429{detail}); run the command again later", 429, _wait(headers))
    if status is not None and status >= 500:
        return ServerError(
            f"{url} failed (status {status}{detail}); what was done so far stays: look at its log, then run the "
            "command again",
            status,
        )
    if status is not None and status < 300:
        return ServerError(f"{url} answers, but not as Label Studio does; is the address right?", 404)
    return ServerError(f"{url} refuses the request (status {status}{detail})", status)


def _detail(body: Any) -> str:
    """What the server says of itself, shortened; a page of HTML says nothing."""
    said = (body.get("validation_errors") or body.get("detail") or "") if isinstance(body, dict) else body
    text = " ".join(str(said or "").split())
    return "" if not text or text.startswith("<") else f": {text[:300]}"


def _wait(headers: dict[str, str] | None) -> float | None:
    """The seconds of `Retry-After`; None where it is absent or a date, which no Label Studio sends."""
    value = {name.lower(): value for name, value in (headers or {}).items()}.get("retry-after", "")
    return float(value) if value.strip().isdecimal() else None


def _check_version(version: str, url: str) -> None:
    numbers = version.split(".")[:2]
    if len(numbers) < 2 or not all(number.isdecimal() for number in numbers):
        raise ServerError(f"{url} does not say which version of Label Studio it is; is the address right?")
    if tuple(map(int, numbers)) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ServerError(f"{url} runs Label Studio {version}; needed {oldest} or later: upgrade the server")
