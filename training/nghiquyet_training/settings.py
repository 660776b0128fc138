"""Reading YAML configurations: unknown keys are errors, `${NAME}` is taken from the environment, `--set` overrides."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from nghiquyet.errors import ConfigError

_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Settings(BaseModel):
    """Base of all configurations. Unknown keys are refused; every field says in its description what it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """Reads `path`; each of `overrides` is `key.sub=value`, the value in YAML."""
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise ConfigError(f"cannot read the configuration {path}: {reason}") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{path} is not YAML: {error}") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: needed a mapping of keys to values, got {type(values).__name__}")
        for override in overrides:
            _override(values, override)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(_explain(error, path)) from error

    def dump(self) -> str:
        """This configuration as YAML that `load` reads back."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _override(values: dict[str, Any], override: str) -> None:
    key, sign, raw = override.partition("=")
    if not sign or not key:
        raise ConfigError(f"--set {override}: needed key=value, as in --set optimizer.epochs=5")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: {parent} holds a value, not further keys")
    try:
        values[last] = yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: the value is not YAML: {error}") from error


def _explain(error: ValidationError, path: Path) -> str:
    lines = [f"{path} does not fit:"]
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        lines.append(f"  {where}: {problem['msg']}, got {problem['input']!r}")
    return "\n".join(lines)


def expand(path: str) -> Path:
    """`path` with each `${NAME}` replaced from the environment; an unset one is an error that says what to do."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if not os.environ.get(name):
            raise ConfigError(
                f"{path}: the environment variable {name} is not set; "
                f"export {name}=FOLDER (see README, 'Data'), or leave this file out with --set"
            )
        return os.environ[name]

    return Path(_VARIABLE.sub(value, path))
