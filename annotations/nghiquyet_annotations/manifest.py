"""The record of the annotated articles: hashes, counts, agreement. Made from the files, so it can be checked."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nghiquyet.documents import Document
from nghiquyet.errors import AnnotationError
from nghiquyet.label_studio import read_documents, text_hash
from nghiquyet.labels import LABELS
from nghiquyet_annotations.agreement import Agreement, agreement
from nghiquyet_annotations.raw import read_json

SCHEME_VERSION = "1"
PASS_A, PASS_B, GOLD = EXPORTS = ("pass-a.json", "pass-b.json", "gold.json")
MANIFEST = "manifest.json"


def build(articles: Path, gold: Path, label_studio_version: str, passes: str) -> dict[str, Any]:
    """The manifest of a folder of articles and a folder with the three exports.

    `passes` says in words how the annotations came about.
    """
    documents = {name: read_documents([gold / name]) for name in EXPORTS}
    return {
        "scheme_version": SCHEME_VERSION,
        "label_studio_version": label_studio_version,
        "passes": passes,
        "articles": {file.name: _article(file, documents[GOLD]) for file in sorted(articles.glob("*.txt"))},
        "exports": {name: {"sha256": sha256(gold / name), "spans": _spans(found)} for name, found in documents.items()},
        "agreement": _figures(agreement(documents[PASS_A], documents[PASS_B], (PASS_A, PASS_B))),
    }


def verify(articles: Path, gold: Path) -> list[str]:
    """The entries of the manifest, as `key.key`, that do not fit the files; none where all is well."""
    recorded = read_json(gold / MANIFEST)
    try:
        built = build(articles, gold, recorded["label_studio_version"], recorded["passes"])
    except (KeyError, TypeError) as error:
        raise AnnotationError(f"{gold / MANIFEST} lacks {error}; build it again") from error
    return list(_differing(built, recorded))


def sha256(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _article(file: Path, documents: Iterable[Document]) -> dict[str, Any]:
    text = file.read_bytes().decode("utf-8")
    doc_id = text_hash(text)
    spans = _spans(document for document in documents if document.id == doc_id)
    return {"sha256": sha256(file), "doc_id": doc_id, "characters": len(text), "spans": spans}


def _spans(documents: Iterable[Document]) -> dict[str, int]:
    counts = Counter(entity.label for document in documents for entity in document.entities)
    return {name: counts[name] for name in LABELS.names} | {"all": counts.total()}


def _figures(found: Agreement) -> dict[str, Any]:
    return {
        name: {"f1": round(c.f1, 4), "pass_a": c.gold, "pass_b": c.predicted, "same": c.hits}
        for name, c in found.counts.items()
    }


def _differing(built: Any, recorded: Any, path: str = "") -> Iterable[str]:
    if isinstance(built, dict) and isinstance(recorded, dict):
        for key in built.keys() | recorded.keys():
            yield from _differing(built.get(key), recorded.get(key), f"{path}.{key}".lstrip("."))
    elif built != recorded:
        yield path
