"""The edges of a span: white space and quotation marks there, and how to trim the white space off an export."""

import copy
from collections.abc import Iterator
from typing import Any

# Invisible, yet no white space to Python: zero-width space, non-joiner, joiner, word joiner, byte order mark.
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"
_QUOTATION_MARKS = "\"'“”„‟‘’‚‛«»‹›"


def is_blank(character: str) -> bool:
    """White space, or a character without width: nothing that a name begins or ends with."""
    return character.isspace() or character in _ZERO_WIDTH


def visible(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without blank edges; empty where all of it is blank."""
    while start < end and is_blank(text[start]):
        start += 1
    while start < end and is_blank(text[end - 1]):
        end -= 1
    return start, end


def edge_quotation_mark(surface: str) -> str | None:
    """The quotation mark at an edge of the surface form that does not belong to it, if there is one.

    One whose partner stands inside belongs to the name, as in `Nguyễn Văn "Tư"`; a pair around all of it does not.
    """
    marks = [i for i, character in enumerate(surface) if character in _QUOTATION_MARKS]
    at_edge = [i for i in marks if i in (0, len(surface) - 1)]
    if at_edge and (len(marks) % 2 == 1 or marks == [0, len(surface) - 1]):
        return surface[at_edge[0]]
    return None


def trim(items: list[Any]) -> tuple[list[Any], int]:
    """A copy of an export with blank edges cut off its spans, and how many spans that moved.

    Only `start`, `end` and `text` of those spans change. A span that is blank all through is left as it is.
    """
    items = copy.deepcopy(items)
    return items, sum(_trim_value(text, value) for text, value in _values(items))


def _trim_value(text: str, value: dict[str, Any]) -> bool:
    old = offsets(value)
    if old is None or not is_inside(text, *old):
        return False
    start, end = visible(text, *old)
    if (start, end) == old or start == end:
        return False
    value.update(start=start, end=end, **({"text": text[start:end]} if "text" in value else {}))
    return True


def offsets(value: dict[str, Any]) -> tuple[int, int] | None:
    """The `start` and `end` of a region's value; None unless both are whole numbers (`True` and `1.0` are none)."""
    start, end = value.get("start"), value.get("end")
    return (start, end) if type(start) is int and type(end) is int else None


def is_inside(text: str, start: int, end: int) -> bool:
    """Whether `[start, end)` is a span of the text that is not empty."""
    return 0 <= start < end <= len(text)


def _values(items: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The text and `value` of every labelled region that has the form of one."""
    for item in items:
        text = _get(_get(item, "data"), "text")
        if not isinstance(text, str):
            continue
        for annotation in _list(_get(item, "annotations") or _get(item, "completions")):
            for region in _list(_get(annotation, "result")):
                value = _get(region, "value")
                if isinstance(value, dict) and _get(region, "type") == "labels":
                    yield text, value


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
