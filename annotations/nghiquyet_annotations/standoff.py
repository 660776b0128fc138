"""Annotations without their texts: where a text may be used but not passed on, offsets and hashes may.

A row says of which text of a corpus an annotated document is a part, and where its spans lie in it. Whoever has the
corpus puts the documents together again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nghiquyet.documents import Document, Entity
from nghiquyet.errors import InputError
from nghiquyet.label_studio import text_hash
from nghiquyet_annotations.marked import regions


@dataclass(frozen=True, slots=True)
class Row:
    """A document at `[start, end)` of the text with the hash `of`; `spans` are (start, end, label) in the document."""

    doc_id: str
    of: str
    start: int
    end: int
    spans: tuple[tuple[int, int, str], ...]

    def json(self) -> dict[str, Any]:
        """As a line of the file holds it."""
        return asdict(self)

    @classmethod
    def parse(cls, raw: Any, where: str) -> "Row":
        """The row in a line of JSON; InputError, which begins with `where`, on what is none."""
        try:
            spans = tuple((int(start), int(end), str(label)) for start, end, label in raw["spans"])
            return cls(str(raw["doc_id"]), str(raw["of"]), int(raw["start"]), int(raw["end"]), spans)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{where}: needed doc_id, of, start, end and spans, as `strip` writes them") from error


def strip(documents: Iterable[Document], corpus: Iterable[str]) -> tuple[list[Row], list[Document]]:
    """The rows of the documents that are part of a text of `corpus`, and the documents that are of none."""
    left = {document.id: document for document in documents}
    rows = []
    for text in corpus:
        for document in list(left.values()):
            start = text.find(document.text)
            if start >= 0:
                spans = tuple(entity.key for entity in document.entities)
                rows.append(Row(document.id, text_hash(text), start, start + len(document.text), spans))
                del left[document.id]
        if not left:
            break
    return rows, list(left.values())


def restore(rows: Sequence[Row], corpus: Iterable[str]) -> Iterator[Document]:
    """The documents of `rows`; InputError at the end where the corpus lacks texts of some."""
    left: dict[str, list[Row]] = {}
    for row in rows:
        left.setdefault(row.of, []).append(row)
    for text in corpus:
        for row in left.pop(text_hash(text), ()):
            part = text[row.start : row.end]
            yield Document(row.doc_id, part, tuple(Entity.of(part, *span) for span in row.spans))
        if not left:
            return
    missing = sum(map(len, left.values()))
    if missing:
        raise InputError(f"the corpus lacks the texts of {missing} of {len(rows)} documents; give all of its files")


def to_export(number: int, document: Document) -> dict[str, Any]:
    """A task of a Label Studio export with the document's entities as its ground truth."""
    return {
        "id": number,
        "data": {"text": document.text, "doc_id": document.id},
        "annotations": [{"id": number, "ground_truth": True, "result": regions(document.entities)}],
    }
