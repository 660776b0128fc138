"""Reads and writes an export as plain JSON, so that whatever Label Studio put into it survives."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from nghiquyet.errors import InputError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(path: Path) -> Any:
    """The JSON in a file; InputError where it cannot be read or is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not JSON ({error}); export from Label Studio as 'JSON', not CONLL or CSV"
        ) from error


def read_export(path: Path) -> list[Any]:
    """The items of a Label Studio JSON export, unchecked but for being a list."""
    items = read_json(path)
    if not isinstance(items, list):
        raise InputError(f"{path}: needed a list of tasks, got {type(items).__name__}; export as 'JSON'")
    return items


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` once it is whole and on the disk.

    Its folder is made where there is none. After any break, a full disk among them, `path` is what it was before.
    """
    if not path.name or path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give the name of a file")
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; what was there before is unchanged. "
            "May its folder be written to, and has the disk room?"
        ) from error
    finally:
        if partial.parent.is_dir():
            partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON with Vietnamese letters as they are and one newline at the end, as `replacing` does."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    # UTF-8 has no lone surrogates; they only ever stand inside JSON strings, so an escape says the same.
    text = _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    with replacing(path) as file:
        file.write(f"{text}\n".encode())
