"""A corpus in shards: stretches of Parquet and JSON lines files, each read, answered and written by itself.

A shard's answer is one Parquet file that is there whole or not at all, so that a run of any kind of break goes on
where it stopped. Needs pyarrow (the extra `ray`).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nghiquyet.errors import InputError, NghiquyetError
from nghiquyet.parallel import Answer
from nghiquyet.sources import Source, json_line

SHARD_TEXTS = 1000  # some seconds to a minute of work
SUFFIXES = (".parquet", ".jsonl")
PLAN = "plan.json"

_ENTITY = pa.struct(
    [
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("label", pa.string()),
        ("text", pa.string()),
        ("score", pa.float64()),
    ]
)
SCHEMA = pa.schema(
    [("id", pa.string()), ("text", pa.string()), ("entities", pa.list_(_ENTITY)), ("error", pa.string())]
)
"""`entities` is null where `error` says why there are none; a text without entities has an empty list."""


@dataclass(frozen=True, slots=True)
class Shard:
    """`count` rows or lines of `path` from the one numbered `first`, counted from 0; that line begins at `offset`."""

    number: int
    path: str
    first: int
    offset: int
    count: int

    def output(self, folder: Path) -> Path:
        return folder / f"part-{self.number:06}.parquet"


def plan(names: Sequence[str], text_field: str, texts: int = SHARD_TEXTS) -> list[Shard]:
    """The shards of the files, and of the files in folders, in order. Only lengths and column names are read."""
    shards: list[Shard] = []
    for path in (path for name in names for path in _files(Path(name))):
        cuts = _row_cuts(path, text_field, texts) if path.suffix == ".parquet" else _line_cuts(path, texts)
        shards += [Shard(len(shards) + i, str(path.resolve()), *cut) for i, cut in enumerate(cuts)]
    return shards


def _files(path: Path) -> list[Path]:
    if path.is_dir() and (packed := sorted(p.name for p in path.iterdir() if p.name.endswith(".jsonl.xz"))):
        raise InputError(f"{path} holds {packed[0]}, which Ray cannot read in parts; unpack it first: xz -d")
    found = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES) if path.is_dir() else [path]
    if not found or not all(p.is_file() and p.suffix in SUFFIXES for p in found):
        raise InputError(f"cannot read {path}: needed a file that ends in {' or '.join(SUFFIXES)}, or a folder of them")
    return found


def _row_cuts(path: Path, text_field: str, texts: int) -> Iterator[tuple[int, int, int]]:
    file = _open(path)
    names = file.schema_arrow.names
    if text_field not in names:
        raise InputError(f"{path} has no column {text_field!r} (it has: {', '.join(names)}); name it with --text-field")
    rows = file.metadata.num_rows
    return ((first, 0, min(texts, rows - first)) for first in range(0, rows, texts))


def _line_cuts(path: Path, texts: int) -> Iterator[tuple[int, int, int]]:
    first = offset = 0
    with path.open("rb") as file:
        while lines := list(islice(file, texts)):
            yield first, offset, len(lines)
            first += len(lines)
            offset += sum(map(len, lines))


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"cannot read {path} as Parquet: {error}") from error


def read(shard: Shard, text_field: str) -> Iterator[Source | InputError]:
    """The texts of a shard; ids are the files' own, or PATH:ROW, counted from 1."""
    path = Path(shard.path)
    yield from (_rows if path.suffix == ".parquet" else _lines)(shard, path, text_field)


def _lines(shard: Shard, path: Path, text_field: str) -> Iterator[Source | InputError]:
    with path.open("rb") as file:
        file.seek(shard.offset)
        for number, line in enumerate(islice(file, shard.count), start=shard.first + 1):
            if line.strip():
                yield json_line(line, f"{path}:{number}", text_field)


def _rows(shard: Shard, path: Path, text_field: str) -> Iterator[Source | InputError]:
    file = _open(path)
    columns = [text_field, *(["id"] if "id" in file.schema_arrow.names else [])]
    rows = (row for batch in file.iter_batches(columns=columns) for row in batch.to_pylist())
    for number, row in enumerate(islice(rows, shard.first, shard.first + shard.count), start=shard.first + 1):
        name = str(row["id"]) if row.get("id") is not None else f"{path}:{number}"
        text = row[text_field]
        yield Source(name, text) if isinstance(text, str) else InputError(f"{name}: no text, but {text!r}")


def write(answers: Iterable[tuple[Source | None, Answer]], path: Path) -> int:
    """Writes the answers to a shard's texts (None: it could not be read); returns how many are errors.

    The file appears when it is whole.
    """
    rows = [_row(*each) for each in answers]
    partial = path.with_suffix(".partial")
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), partial)
    partial.replace(path)
    return sum(row["error"] is not None for row in rows)


def _row(source: Source | None, answer: Answer) -> dict[str, Any]:
    name, text = (_storable(source.id), _storable(source.text)) if source else (None, None)
    row: dict[str, Any] = {"id": name, "text": text, "entities": None, "error": None}
    if isinstance(answer, NghiquyetError):
        return row | {"error": str(answer)}
    if text != answer.text:
        return row | {"error": "the text holds a lone surrogate, which Parquet cannot; it is escaped here"}
    return row | {"entities": [asdict(entity) for entity in answer.entities]}


def _storable(text: str) -> str:
    """UTF-8 has no lone surrogates, which JSON may escape: they stay escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def begin(folder: Path, what: dict[str, Any], *, resume: bool) -> None:
    """Makes a run's folder and notes what it is of; one that holds another run, or one not to resume, is an error."""
    noted = folder / PLAN
    if noted.is_file():
        if json.loads(noted.read_text(encoding="utf-8")) != what:
            raise InputError(f"{folder} was begun with other texts, model or settings (see {noted}); name a new folder")
        if not resume:
            raise InputError(f"{folder} holds a run; go on with --resume, or name a new folder")
    elif folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} holds other files; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    noted.write_text(json.dumps(what, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
