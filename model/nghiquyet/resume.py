"""Going on with an interrupted output: what stands in the partial file is neither done again nor lost nor doubled."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nghiquyet.errors import ConfigError, InputError
from nghiquyet.sources import Source


def whole_lines(partial: Path) -> int:
    """Cuts off a last line that was being written when the run was stopped; returns the number of whole ones."""
    if not partial.exists():
        return 0
    lines = end = 0
    with partial.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                lines += 1
                end += len(line)
    with partial.open("rb+") as file:
        file.truncate(end)
    return lines


def settings_of(partial: Path) -> Path:
    """Where the settings of a partial file are noted."""
    return partial.with_name(f"{partial.name}.json")


def note_settings(partial: Path, settings: dict[str, Any], *, resume: bool) -> None:
    """Notes what the answers in `partial` are made with; a run that goes on with other settings is a ConfigError."""
    path = settings_of(partial)
    if resume and path.exists() and whole_lines(partial):
        begun = _read(path.read_text(encoding="utf-8"), str(path))
        other = [
            f"{key}: {begun.get(key)!r}, now {value!r}" for key, value in settings.items() if begun.get(key) != value
        ]
        if other:
            raise ConfigError(
                f"{partial} was begun with other settings ({'; '.join(other)}); go on with the same, or delete it"
            )
    try:
        path.write_text(f"{json.dumps(settings, ensure_ascii=False)}\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def skip_done(sources: Iterator[Source], partial: Path) -> Iterator[Source]:
    """`sources` from the first on that `partial` does not hold; those before must be the ones that it holds."""
    if whole_lines(partial):
        with partial.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                _check_same(_read(line, f"{partial}:{number}"), next(sources, None), f"{partial}:{number}")
    yield from sources


def _read(line: str, where: str) -> dict[str, object]:
    try:
        done = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where} is not a line that this command wrote; delete the file to begin anew") from error
    return done if isinstance(done, dict) else {}


def _check_same(done: dict[str, object], source: Source | None, where: str) -> None:
    if source is None or (done.get("id"), done.get("text")) != (source.id, source.text):
        found = "no text any more" if source is None else repr(source.id)
        raise InputError(
            f"{where} is the answer to {done.get('id')!r}, but the input has {found} in that place: it changed since "
            "the run was stopped. Give the same input again, or delete the partial file to begin anew"
        )
