"""Silver data: unlabelled texts with the tag probabilities that teachers give their words.

A folder with `texts.jsonl`, one {"text": ...} a line, and `tags.safetensors`: `probabilities` (words, L) fp16, of all
texts in a row, and `words` (texts,), how many belong to each.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tqdm import tqdm

from nghiquyet.decode import Floats
from nghiquyet.errors import ConfigError
from nghiquyet_training.corpus import read_texts
from nghiquyet_training.teachers import Teachers

TEXTS, TAGS = "texts.jsonl", "tags.safetensors"


def write_silver(folder: Path, texts: Iterable[str], teachers: Teachers) -> int:
    """Labels `texts`; returns the number of words. An existing folder is an error."""
    if (folder / TAGS).exists():
        raise ConfigError(f"{folder} holds silver data already; name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[NDArray[np.float16]] = []
    with (folder / TEXTS).open("w", encoding="utf-8") as lines:
        for text in tqdm(texts, unit="text", desc="label", mininterval=5):
            lines.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
            rows.append(np.exp(teachers.log_probs(text)[1]).astype(np.float16))
    if not rows:
        raise ConfigError("no texts to label")
    words = np.array([len(row) for row in rows], dtype=np.int64)
    save_file({"probabilities": np.concatenate(rows), "words": words}, folder / TAGS)
    return int(words.sum())


def read_silver(folder: Path) -> Iterator[tuple[str, Floats]]:
    """Each text with the (words, L) probabilities of its tags."""
    if not (folder / TAGS).is_file():
        raise ConfigError(f"{folder} holds no silver data; make it first: nghiquyet-train label TEXTS -o {folder}")
    tags = load_file(folder / TAGS)
    ends = np.cumsum(tags["words"])
    texts = read_texts([folder / TEXTS])
    for text, size, end in zip(texts, tags["words"], ends, strict=True):
        yield text, tags["probabilities"][end - size : end].astype(np.float32)
