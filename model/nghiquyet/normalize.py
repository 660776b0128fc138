"""NFC line by line with the way back to the source, and PhoBERT's tone placement."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a source string in NFC.

    `text[i]` comes from `source[starts[i]:ends[i]]`; both have the length of `text`.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Source offsets of the non-empty `text[start:end]`."""
        return self.starts[start], self.ends[end - 1]


def iter_lines(source: str) -> Iterator[Line]:
    """The lines of `source` (as `str.splitlines` parts them, ends kept), each with its index map."""
    offset = 0
    for raw in source.splitlines(keepends=True):
        end = offset + len(raw)
        if unicodedata.is_normalized("NFC", raw):
            yield Line(raw, range(offset, end), range(offset + 1, end + 1))
        else:
            yield _compose(raw, offset)
        offset = end


MAX_CLUSTER = 16  # code points; a letter with more marks than any script stacks is left as it is


def _compose(raw: str, offset: int) -> Line:
    """Composes `raw` one base-and-marks cluster at a time.

    What composing leaves alone maps character by character; what it changes maps to its whole cluster.
    """
    text: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(raw):
        cluster = raw[start:end]
        composed = unicodedata.normalize("NFC", cluster) if len(cluster) <= MAX_CLUSTER else cluster
        text.append(composed)
        if composed == cluster:
            starts += range(offset + start, offset + end)
            ends += range(offset + start + 1, offset + end + 1)
        else:
            starts += [offset + start] * len(composed)
            ends += [offset + end] * len(composed)
    return Line("".join(text), starts, ends)


def _clusters(raw: str) -> Iterator[tuple[int, int]]:
    start = 0
    for i in range(1, len(raw)):
        if not unicodedata.combining(raw[i]) or raw[start].isspace():  # a mark on a space is no part of the space
            yield start, i
            start = i
    if raw:
        yield start, len(raw)


# New-style placement -> the old style of PhoBERT's vocabulary, two code points to two:
# o/u with the tone + plain vowel -> plain o/u + the vowel with the tone.
_TONES = "\u0300\u0301\u0309\u0303\u0323"  # grave, acute, hook above, tilde, dot below


def _tone_swaps() -> dict[str, str]:
    def nfc(text: str) -> str:
        return unicodedata.normalize("NFC", text)

    swaps: dict[str, str] = {}
    for first, second in ("oa", "oe", "uy"):
        for a in (first, first.upper()):
            for b in (second, second.upper()):
                swaps |= {nfc(a + tone) + b: a + nfc(b + tone) for tone in _TONES}
    return swaps


TONE_SWAPS = _tone_swaps()
NEW_STYLE = re.compile("|".join(rf"(?<![qQ]){pair}" for pair in TONE_SWAPS))


def old_tone_placement(text: str) -> str:
    """`Huyện ủy` -> `Huyện uỷ`, `hòa` -> `hoà`; the length stays. After q nothing moves (`quý`)."""
    return NEW_STYLE.sub(lambda pair: TONE_SWAPS[pair[0]], text)
