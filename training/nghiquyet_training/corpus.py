"""Unlabelled text: reading files, and keeping a corpus as one array of piece ids."""

from collections.abc import Iterable, Iterator
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nghiquyet.bpe import EOS_ID, PhobertBpe
from nghiquyet.encode import Encoder
from nghiquyet.errors import InputError
from nghiquyet.segment import load_segmenter
from nghiquyet.sources import texts_of

Ids = NDArray[np.uint16]
_worker_encoder: Encoder  # each worker process loads its own


def read_texts(paths: Iterable[Path]) -> Iterator[str]:
    """The documents of `.txt` files (one each) and of `.jsonl`, `.jsonl.xz` files (the field `text` of each line)."""
    return texts_of(map(str, paths))


def encode_corpus(texts: Iterable[str], folder: Path, segmenter: str) -> Ids:
    """The ids of `texts` in a row, `</s>` after each line; shape (n,). One process for each core.

    `folder` holds `vocab.txt` and `bpe.codes`. Ids must fit into 16 bits: vocabularies of up to 65,536 pieces.
    """
    size = _load_encoder(folder, segmenter).bpe.size
    if size > 1 << 16:
        raise InputError(f"got a vocabulary of {size} pieces; 65536 at most fit the corpus array")
    parts: list[Ids] = []
    with Pool(initializer=_start_worker, initargs=(folder, segmenter)) as pool:
        encoded = pool.imap(_encode, texts, chunksize=64)
        parts += tqdm(encoded, unit="text", desc="encode", mininterval=5)
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint16)


def _load_encoder(folder: Path, segmenter: str) -> Encoder:
    return Encoder(load_segmenter(segmenter), PhobertBpe.load(folder / "vocab.txt", folder / "bpe.codes"))


def _start_worker(folder: Path, segmenter: str) -> None:
    global _worker_encoder
    _worker_encoder = _load_encoder(folder, segmenter)


def _encode(text: str) -> Ids:
    return np.fromiter(document_ids(text, _worker_encoder), dtype=np.uint16)


def document_ids(text: str, encoder: Encoder) -> Iterator[int]:
    """The ids of one text, `</s>` after each line."""
    encoded = encoder.encode(text)
    for first, last in encoded.lines:
        for pieces in encoded.pieces[first:last]:
            yield from pieces
        yield EOS_ID
