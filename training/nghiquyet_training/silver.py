"""Silver data: unlabelled texts with the tag probabilities that teachers give their words.

A folder of numbered parts, `00000.jsonl` and `00000.safetensors` and so on: one {"text": ...} a line, and
`probabilities` (words, L) fp16 of the part's texts in a row, and `words` (texts,), how many belong to each.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from nghiquyet.batched import batched
from nghiquyet.decode import Floats
from nghiquyet.errors import ConfigError
from nghiquyet_training.corpus import read_texts
from nghiquyet_training.teachers import Teachers

PART = 256  # texts; what an interruption loses at most


def write_silver(folder: Path, texts: Iterable[str], teachers: Teachers, *, resume: bool = False) -> int:
    """Labels `texts`; returns the number of words.

    A folder that has parts already is an error; with `resume` they are kept, if they hold the first of `texts`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rest = iter(tqdm(texts, unit="text", desc="label", mininterval=5))
    parts = _parts(folder)
    if parts and not resume:
        raise ConfigError(f"{folder} holds silver data already; go on with --resume, or name another folder")
    words = 0
    for part in parts:
        words += int(load_file(part)["words"].sum())
        _skip(part, rest)
    for number, some in enumerate(batched(rest, PART), start=len(parts)):
        words += _write_part(folder / f"{number:05}", some, teachers)
    if not words:
        raise ConfigError("no texts to label")
    return words


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.safetensors"))


def _skip(part: Path, texts: Iterator[str]) -> None:
    """Takes the texts of a finished part off `texts`."""
    for known in read_texts([part.with_suffix(".jsonl")]):
        if next(texts, None) != known:
            raise ConfigError(f"{part.parent} was begun with other texts; resume with the same, or name another folder")


def _write_part(path: Path, texts: list[str], teachers: Teachers) -> int:
    """The tags are put in place last: a part that has them is whole."""
    rows = [np.exp(log_probs).astype(np.float16) for _, log_probs in map(teachers.log_probs, texts)]
    lines = (json.dumps({"text": text}) + "\n" for text in texts)
    path.with_suffix(".jsonl").write_text("".join(lines), encoding="utf-8")
    words = np.array([len(row) for row in rows], dtype=np.int64)
    unfinished = path.with_suffix(".tmp")
    save_file({"probabilities": np.concatenate(rows), "words": words}, unfinished)
    unfinished.rename(path.with_suffix(".safetensors"))
    return int(words.sum())


def read_silver(folder: Path) -> Iterator[tuple[str, Floats]]:
    """Each text with the (words, L) probabilities of its tags."""
    parts = _parts(folder)
    if not parts:
        raise ConfigError(f"{folder} holds no silver data; make it first: nghiquyet-train label TEXTS -o {folder}")
    for part in parts:
        tags = load_file(part)
        ends = np.cumsum(tags["words"])
        texts = read_texts([part.with_suffix(".jsonl")])
        for text, size, end in zip(texts, tags["words"], ends, strict=True):
            yield text, tags["probabilities"][end - size : end].astype(np.float32)
