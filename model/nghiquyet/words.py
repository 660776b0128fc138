"""Dictionary words from underthesea, for encoders that were pretrained on word-segmented text (PhoBERT).

A segmenter's words set a ceiling: what begins or ends inside a word cannot be tagged. underthesea's own words hold
96% of the edges of news text (`Trưởng ban Tổ chức Thành ủy Cần Thơ` comes as one word). So its words are cut again
before encoding, by the rules in `_joins`, which look at the text alone.
"""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from nghiquyet.errors import MissingExtraError
from nghiquyet.normalize import old_tone_placement
from nghiquyet.segment import Word, atoms

_TITLES = frozenset(("trưởng", "phó", "chánh"))  # an office; the body that follows is a name of its own


class UndertheseaSegmenter:
    """underthesea's words, cut wherever a name may begin or end. Imports torch where torch is installed."""

    name = "underthesea"

    def __init__(self) -> None:
        try:
            self.version = version("underthesea")
        except PackageNotFoundError as error:
            raise MissingExtraError("the segmenter 'underthesea'", "words") from error
        from underthesea import word_tokenize

        self._tokenize = word_tokenize
        self._is_word = lru_cache(maxsize=1 << 14)(self._is_one_word)

    def segment(self, line: str) -> list[Word]:
        """Words of letters only; punctuation, numbers and all edges of `atoms` stay apart."""
        words: list[list[Word]] = []
        glued = self._glued(line)
        for atom in atoms(line):
            if words and atom[0] in glued and self._joins(line, words, atom):
                words[-1].append(atom)
            else:
                words.append([atom])
        return [(word[0][0], word[-1][1]) for word in words]

    def _glued(self, line: str) -> set[int]:
        """Starts of the syllables that underthesea joins to the one before."""
        glued: set[int] = set()
        position = 0
        # underthesea takes no lone surrogates; token normalisation would rewrite tone marks and lose the offsets.
        encodable = line.encode("utf-8", "replace").decode("utf-8")
        for word in self._tokenize(encodable, use_token_normalize=False):
            for i, syllable in enumerate(word.split()):
                start = line.find(syllable, position)
                if start < 0:  # underthesea changed the text: leave the rest of the line in syllables
                    return glued
                if i:
                    glued.add(start)
                position = start + len(syllable)
        return glued

    def _joins(self, line: str, words: list[list[Word]], atom: Word) -> bool:
        """Whether `atom` stays with the syllables of the last word before it."""
        left, right = words[-1][-1], atom
        last, here = line[slice(*left)], line[slice(*right)]
        if not (line[left[1] : right[0]].isspace() and last[0].isalpha() and here[0].isalpha()):
            return False  # no punctuation, digits or invisible signs inside a word
        if here[0].isupper() or last.lower() in _TITLES:
            return False  # a capital may begin a name, and so may what follows an office
        if not last[0].isupper():
            return True
        # After a capital a name may end: `Phan nói` is two words, `Huyện ủy` one, by itself and not behind a name.
        before = line[slice(*words[-2][-1])] if len(words) > 1 else ""
        in_name = len(words[-1]) > 1 or (before[:1].isupper() and not _is_acronym(before))
        return not in_name and not _is_acronym(last) and self._is_word(f"{last} {here}")

    def _is_one_word(self, pair: str) -> bool:
        return len(self._tokenize(old_tone_placement(pair.lower()), use_token_normalize=False)) == 1


def _is_acronym(syllable: str) -> bool:
    return len(syllable) > 1 and syllable.isupper()
