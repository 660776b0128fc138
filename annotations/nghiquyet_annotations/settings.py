"""Where the Label Studio server is and who asks: from options, the environment, or a configuration file."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nghiquyet.errors import ConfigError

ENVIRONMENT = "NGHIQUYET_LABEL_STUDIO_"  # _URL, _TOKEN, _PROJECT, _TIMEOUT, _CONFIG
KEYS = ("url", "token", "project", "timeout")
TIMEOUT = 60.0  # seconds without a byte from the server


@dataclass(frozen=True, slots=True)
class Settings:
    """An address and an API token, which no repr, message or log of this package ever shows.

    `project` is the id or title that commands take by default; `timeout` is in seconds.
    """

    url: str
    token: str = field(repr=False)
    project: str | None = None
    timeout: float = TIMEOUT


def default_config() -> Path:
    """The configuration file that is read where none is named; it need not be there."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "nghiquyet" / "label-studio.toml"


def read_settings(
    url: str | None = None,
    token: str | None = None,
    project: str | None = None,
    *,
    config: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """What is given, else `NGHIQUYET_LABEL_STUDIO_*` of the environment, else the file; ConfigError where one lacks."""
    said = {"url": url, "token": token, "project": project}
    found: dict[str, Any] = {**_read_file(config, environment), **_read_environment(environment)}
    found |= {key: value for key, value in said.items() if value}
    for key in ("url", "token"):
        if not str(found.get(key, "")).strip():
            raise ConfigError(
                f"the server's {key} is not known; set {ENVIRONMENT}{key.upper()}, give --{key}, "
                f'or write `{key} = "..."` into {config or default_config()}'
            )
    return Settings(_url(found["url"]), str(found["token"]).strip(), found.get("project"), _seconds(found))


def _read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    given = {key: environment.get(ENVIRONMENT + key.upper(), "") for key in KEYS}
    return {key: value for key, value in given.items() if value}


def _read_file(config: Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    named = config or (Path(environment[ENVIRONMENT + "CONFIG"]) if environment.get(ENVIRONMENT + "CONFIG") else None)
    path = named or default_config()
    if named is None and not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # the parser's own words could show a part of the token
        raise ConfigError(f'{path} is not TOML in UTF-8; needed lines such as url = "http://127.0.0.1:8080"') from error
    if unknown := sorted(found.keys() - set(KEYS)):
        raise ConfigError(f"{path}: unknown key {', '.join(unknown)}; there are: {', '.join(KEYS)}")
    return {key: str(value) for key, value in found.items()}


def _url(url: str) -> str:
    url = url.strip().rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"the server's address is {url!r}; needed one such as http://127.0.0.1:8080")
    return url


def _seconds(found: Mapping[str, Any]) -> float:
    try:
        seconds = float(found.get("timeout", TIMEOUT))
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ConfigError(f"timeout is {found['timeout']!r}; needed a number of seconds above 0")
    return seconds
