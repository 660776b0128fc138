"""PhoBERT's byte-pair encoding over its own two files, identical to transformers' PhobertTokenizer.

Identity holds for every word of text. What differs on purpose: a word that happens to read `<s>`, `<mask>`
and the like stays text and never becomes a control token.
"""

from itertools import pairwise
from pathlib import Path

from nghiquyet.errors import ArtefactError

BOS_ID, PAD_ID, EOS_ID, UNK_ID = 0, 1, 2, 3
CONTROL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")

_END = "</w>"  # marks a word's last symbol in bpe.codes
_JOIN = "@@"  # marks a piece that the next one continues, in vocab.txt


class PhobertBpe:
    """Word -> pieces -> ids. Ids: `<s>` 0, `<pad>` 1, `</s>` 2, `<unk>` 3, the vocabulary from 4, `<mask>` last."""

    def __init__(self, vocab: list[str], merges: list[tuple[str, str]]) -> None:
        """`vocab`: pieces in the order of `vocab.txt`; `merges`: symbol pairs, the most frequent first."""
        self._ids = {piece: i for i, piece in enumerate(vocab, start=UNK_ID + 1)}
        for name in CONTROL:
            self._ids.pop(name, None)
        self._ranks = {pair: rank for rank, pair in reversed(list(enumerate(merges)))}
        self.mask_id = UNK_ID + 1 + len(vocab)
        self.size = self.mask_id + 1

    @classmethod
    def load(cls, vocab_path: Path, codes_path: Path) -> "PhobertBpe":
        """Reads `vocab.txt` (`piece count` a line) and `bpe.codes` (`left right count` a line)."""
        vocab = [line.rsplit(" ", 1)[0] for line in _lines(vocab_path)]
        if len(set(vocab)) != len(vocab):
            raise ArtefactError(f"{vocab_path}: a piece stands there twice; the file is damaged, fetch it again")
        merges = []
        for number, line in enumerate(_lines(codes_path), start=1):
            match line.split(" "):  # not any white space: a symbol may be a no-break space
                case [left, right, *_]:
                    merges.append((left, right))
                case _:
                    raise ArtefactError(f"{codes_path}:{number}: got {line!r}, needed 'left right count'")
        return cls(vocab, merges)

    def ids(self, word: str) -> tuple[int, ...]:
        """The ids of one word, syllables joined by `_`: one at least. Not cached, as `Encoder` is."""
        return tuple(self._ids.get(piece, UNK_ID) for piece in self.pieces(word))

    def pieces(self, word: str) -> list[str]:
        """`"nghiquyet" -> ["ng@@", "hi@@", "quyet"]`: merges the best-ranked pair until none is left.

        The cost grows with the square of the length: callers keep words short (`segment.MAX_WORD`).
        """
        symbols = [*word[:-1], word[-1] + _END]
        while len(symbols) > 1:
            pairs = list(pairwise(symbols))
            best = min(pairs, key=self._rank)
            if best not in self._ranks:
                break
            symbols = _merge(symbols, best)
        return [symbol + _JOIN for symbol in symbols[:-1]] + [symbols[-1].removesuffix(_END)]

    def _rank(self, pair: tuple[str, str]) -> int:
        return self._ranks.get(pair, len(self._ranks))


def _merge(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """Joins every occurrence of `pair`, from the left."""
    merged: list[str] = []
    i = 0
    while i < len(symbols):
        if tuple(symbols[i : i + 2]) == pair:
            merged.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return merged


def _lines(path: Path) -> list[str]:
    # Only "\n" ends a line: a vocabulary may hold U+0085 or U+2028 as pieces.
    return [line for line in path.read_bytes().decode("utf-8").split("\n") if line.strip()]
