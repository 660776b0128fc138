"""Labelling functions for RESOLUTION: documents that a number, a code or a plenum identifies are regular by nature.

They follow annotations/GUIDELINE.vi.md, not the texts: few training texts cite a plenum, many unlabelled ones do.
On the training tenths of the further news 98% of what they find is gold, and they find 55% of it
(`python scripts/rules.py EXPORT`).
"""

import re
from collections.abc import Iterator

from nghiquyet.normalize import old_tone_placement

_TERM = r"(?:\s*\(\s*khoá\s+[IVXLC]+\s*\)|\s+khoá\s+[IVXLC]+)?"
_CODE = r"\d+(?:\s?[-–/]\s?\w+)*"
_ISSUED = r"(?:nghị quyết|chỉ thị|kết luận|quyết định|nghị định|thông tư|thông tri)"
# These words also stand before plain counts (`kế hoạch 5 năm`): only a code, `số` or a leading zero identifies.
_PLANNED = r"(?:quy định|hướng dẫn|kế hoạch|chương trình|đề án)"
_PLENUM = r"(?:hội nghị\s+)?(?:bch\s+|ban chấp hành\s+)?(?:trung ương|tw|tư|t\.ư)(?:\s+đảng)?"
_CAPITAL = "A-ZĐÀ-Ỹ"

_PATTERNS = (
    rf"{_ISSUED}\s+(?:số\s+)?{_CODE}{_TERM}",
    rf"{_PLANNED}\s+(?:số\s+{_CODE}|\d+(?:[-–/]\w*(?-i:[{_CAPITAL}])\w*)+|0\d){_TERM}",
    rf"nghị quyết\s+{_PLENUM}\s*\d+{_TERM}",
    r"(?-i:Điều lệ Đảng)",
)
_RESOLUTION = re.compile("|".join(rf"(?<!\w){pattern}(?![\w/])" for pattern in _PATTERNS), re.IGNORECASE)


def resolutions(text: str) -> Iterator[tuple[int, int]]:
    """The offsets of the policy documents that the rules find, in order, without overlap."""
    # The old tone placement has the length of the text, so offsets hold.
    return (match.span() for match in _RESOLUTION.finditer(old_tone_placement(text)))
