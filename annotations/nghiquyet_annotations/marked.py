"""Marked texts, `xây dựng ⟦ORG|Đảng bộ⟧ vững mạnh`: a plain way to write annotations down in a text editor."""

import re
from typing import Any

from nghiquyet.documents import Entity
from nghiquyet.errors import AnnotationError
from nghiquyet.labels import LABELS, LabelSet
from nghiquyet_annotations.labelling_config import FROM_NAME, TO_NAME

_MARK = re.compile(r"⟦([^|⟦⟧]*)\|([^⟦⟧]*)⟧")


def parse_marked(marked: str, labels: LabelSet = LABELS) -> tuple[str, tuple[Entity, ...]]:
    """The text without its marks, and the entities that they stood around."""
    text, found, read = "", [], 0
    for mark in _MARK.finditer(marked):
        label, surface = mark.groups()
        if label not in labels or not surface:
            raise AnnotationError(
                f"mark {mark[0]} at {mark.start()}: needed ⟦LABEL|text⟧ with {', '.join(labels.names)}"
            )
        text += marked[read : mark.start()]
        found.append((len(text), len(text) + len(surface), label))
        text += surface
        read = mark.end()
    text += marked[read:]
    for stray in "⟦⟧":
        if stray in text:
            raise AnnotationError(
                f"a stray {stray} near {text[max(0, text.index(stray) - 20) :][:40]!r}; marks cannot nest"
            )
    return text, tuple(Entity.of(text, *span) for span in found)


def regions(entities: tuple[Entity, ...]) -> list[dict[str, Any]]:
    """The entities as the `result` of a Label Studio annotation."""
    return [
        {
            "id": f"{entity.label.lower()}-{entity.start}",
            "from_name": FROM_NAME,
            "to_name": TO_NAME,
            "type": "labels",
            "origin": "manual",
            "value": {"start": entity.start, "end": entity.end, "text": entity.text, "labels": [entity.label]},
        }
        for entity in entities
    ]
