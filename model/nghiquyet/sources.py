"""Texts from files, folders and standard input; what cannot be read is reported, and the rest still comes."""

import json
import lzma
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from nghiquyet.errors import InputError

STDIN = "-"
SUFFIXES = (".txt", ".jsonl", ".jsonl.xz")


class Form(StrEnum):
    """What standard input and .txt files hold; .jsonl files are always JSON lines."""

    TEXT = "text"  # one text
    LINES = "lines"  # a text on each line that is not blank
    JSONL = "jsonl"  # a JSON object on each line


@dataclass(frozen=True, slots=True)
class Source:
    """One text with its name; the file's path, with `:line` behind it for a line of JSON that has no `id`."""

    id: str
    text: str


def read_sources(
    names: Iterable[str], text_field: str = "text", form: Form = Form.TEXT, besides: Path | None = None
) -> Iterator[Source | InputError]:
    """The texts of `.txt` files, of `.jsonl` and `.jsonl.xz` files (one a line), of folders of these, and of `-`,
    standard input.

    `form` says what the `.txt` files and standard input hold. Lines are read as they are asked for. A folder is read
    without the file `besides`, the answers that are written there.
    """
    for name in names:
        if name == STDIN:
            yield from _read(sys.stdin.buffer, "standard input", STDIN, text_field, form)
            continue
        try:
            paths = _files(Path(name), besides)
        except InputError as error:
            yield error
            continue
        except OSError as error:  # a name too long, a folder that may not be read
            yield InputError(f"cannot read {name[:100]}: {error.strerror}")
            continue
        for path in paths:
            yield from _read_file(path, text_field, form if path.suffix == ".txt" else Form.JSONL)


def texts_of(names: Iterable[str]) -> Iterator[str]:
    """The texts of `read_sources`; what cannot be read is raised where it stands."""
    for source in read_sources(names):
        if isinstance(source, InputError):
            raise source
        yield source.text


def _files(path: Path, besides: Path | None) -> list[Path]:
    if path.is_dir():
        own = besides and besides.resolve()
        found = sorted(p for p in path.iterdir() if p.name.endswith(SUFFIXES) and p.is_file() and p.resolve() != own)
        if not found:
            raise InputError(f"the folder {path} holds no {' or '.join(SUFFIXES)} file")
        return found
    if not path.exists():
        raise InputError(f"no such file or folder: {path}")
    if not path.name.endswith(SUFFIXES):
        raise InputError(f"cannot read {path}: needed a name that ends in {' or '.join(SUFFIXES)}, a folder, or -")
    return [path]


def _read_file(path: Path, text_field: str, form: Form) -> Iterator[Source | InputError]:
    try:
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
            yield from _read(file, str(path), str(path), text_field, form)
    except OSError as error:
        yield InputError(f"cannot read {path}: {error.strerror}")
    except (lzma.LZMAError, EOFError) as error:
        yield InputError(f"cannot read {path}: not a whole .xz file ({error})")


def _read(file: IO[bytes], where: str, name: str, text_field: str, form: Form) -> Iterator[Source | InputError]:
    if form is Form.TEXT:
        yield _decoded(file.read(), where, name)
        return
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        if form is Form.JSONL:
            yield json_line(line, f"{where if name == STDIN else name}:{number}", text_field)
        else:
            yield _decoded(line.rstrip(b"\r\n"), f"{where}:{number}", f"{name}:{number}")


def _decoded(raw: bytes, where: str, name: str) -> Source | InputError:
    try:
        return Source(name, raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        return InputError(
            f"{where} is not UTF-8 (byte {raw[error.start]:#04x} at {error.start}); convert it first, as with iconv"
        )


def json_line(line: bytes, where: str, text_field: str) -> Source | InputError:
    """The text of one line of JSON; its id is the line's own, or `where`."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return InputError(f"{where} is not a line of JSON in UTF-8: {error}")
    text = value.get(text_field) if isinstance(value, dict) else None
    if not isinstance(text, str):
        has = ", ".join(value) if isinstance(value, dict) else type(value).__name__
        return InputError(
            f"{where}: no string under {text_field!r} (it has: {has}); rename the field, or name it with --text-field "
            "where the command has that option"
        )
    name = value.get("id")
    return Source(where if name is None else str(name), text)
