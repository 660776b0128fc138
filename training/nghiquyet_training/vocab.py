"""Trains a BPE vocabulary and writes it in PhoBERT's format: `vocab.txt` and `bpe.codes`."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tqdm import tqdm

from nghiquyet.bpe import PhobertBpe
from nghiquyet.encode import word_form
from nghiquyet.errors import InputError
from nghiquyet.normalize import iter_lines
from nghiquyet.segment import Segmenter

ALPHABET = 600  # characters with pieces of their own: Vietnamese has some 190; the rest is signs and other scripts
_END = "</w>"


def count_words(texts: Iterable[str], segmenter: Segmenter, max_words: int) -> Counter[str]:
    """How often each word form occurs in the first `max_words` words (the last text whole) of `texts`."""
    counts: Counter[str] = Counter()
    total = 0
    with tqdm(total=max_words, unit="word", unit_scale=True, desc="count", mininterval=5) as bar:
        for text in texts:
            text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be written down
            words = [line.text[a:b] for line in iter_lines(text) for a, b in segmenter.segment(line.text)]
            counts.update(words)
            total += len(words)
            bar.update(len(words))
            if total >= max_words:
                break
    forms: Counter[str] = Counter()
    for word, count in counts.items():
        forms[word_form(word)] += count
    return forms


def train_vocab(counts: Counter[str], size: int) -> tuple[list[str], list[tuple[str, str]]]:
    """`size` pieces at most, as `vocab.txt` spells them, and the merges in their order."""
    if not counts:
        raise InputError("no words to train a vocabulary on: the text files are empty")
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=_END))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, limit_alphabet=ALPHABET, end_of_word_suffix=_END, show_progress=False
    )
    tokenizer.train_from_iterator(_repeated(counts), trainer)
    merges = _merges(tokenizer)
    symbols = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return [_piece(symbol) for symbol, _ in symbols], merges


def _repeated(counts: Counter[str]) -> Iterator[str]:
    """The library counts words itself, from text: each form as often as it was seen."""
    for form, count in sorted(counts.items()):
        for start in range(0, count, 10_000):
            yield " ".join([form] * min(10_000, count - start))


def _merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    import json

    pairs = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(left, right) for left, right in pairs]


def _piece(symbol: str) -> str:
    return symbol.removesuffix(_END) if symbol.endswith(_END) else f"{symbol}@@"


def write_vocab(folder: Path, pieces: list[str], merges: list[tuple[str, str]], counts: Counter[str]) -> None:
    """Writes `vocab.txt` (pieces by falling count) and `bpe.codes` (merges by rank, each with its result's count)."""
    bpe = PhobertBpe(pieces, merges)
    used: Counter[str] = Counter()
    for form, count in counts.items():
        for piece in bpe.pieces(form):
            used[piece] += count
    folder.mkdir(parents=True, exist_ok=True)
    ranked = sorted(pieces, key=lambda piece: (-used[piece], piece))
    _write(folder / "vocab.txt", (f"{piece} {used[piece]}" for piece in ranked))
    codes = (f"{left} {right} {used[_piece(left + right)]}" for left, right in merges)
    _write(folder / "bpe.codes", codes)


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
