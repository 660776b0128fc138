"""A version of the gold that never changes: the exports as they came, with a manifest that says what is in them."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nghiquyet.documents import Document
from nghiquyet.duplicates import Overlap, overlaps
from nghiquyet.errors import AnnotationError, InputError
from nghiquyet.label_studio import read_documents
from nghiquyet.labels import LABELS
from nghiquyet.splits import Part, part
from nghiquyet_annotations.manifest import SCHEME_VERSION, sha256
from nghiquyet_annotations.raw import read_export, read_json, write_json
from nghiquyet_annotations.validate import validate

MANIFEST = "manifest.json"


def freeze(exports: Sequence[Path], folder: Path, version: str) -> dict[str, Any]:
    """Copies `exports` into a new `folder` and writes its manifest, which is returned.

    AnnotationError where an export has a problem that `validate` finds, or a document stands twice.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a new folder")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; a frozen version is never written over: name another folder")
    names = own_names(exports)
    if len(set(names)) < len(names) or MANIFEST in names:
        raise InputError(f"the exports are called {', '.join(names)}; each needs a name of its own, not {MANIFEST}")
    for export in exports:
        if problems := validate(read_export(export)).problems:
            raise AnnotationError(
                f"{export} has {len(problems)} problem(s), first {problems[0]}; "
                f"see all: nghiquyet-annotate validate {export}"
            )
    documents = read_documents(exports)
    hashes = {name: sha256(export) for name, export in zip(names, exports, strict=True)}
    manifest = describe(documents, hashes, version)
    folder.mkdir(parents=True, exist_ok=True)
    for name, export in zip(names, exports, strict=True):
        shutil.copyfile(export, folder / name)
    write_json(folder / MANIFEST, manifest)  # last: a folder with a manifest is whole
    return manifest


def own_names(exports: Sequence[Path]) -> list[str]:
    """The files' names; where two are alike, as of two weeks' `gold.json`, their folders' names stand before them."""
    names = [export.name for export in exports]
    if len(set(names)) == len(names):
        return names
    return [f"{export.resolve().parent.name}-{export.name}" for export in exports]


def describe(documents: Sequence[Document], exports: dict[str, str], version: str) -> dict[str, Any]:
    """What a version holds: documents and spans by part, and documents that are copies of each other."""
    alike = [overlap for overlap in overlaps(documents) if overlap.near_duplicate]
    return {
        "version": version,
        "scheme_version": SCHEME_VERSION,
        "exports": exports,
        "parts": {each.value: _counts([d for d in documents if part(d.id) is each]) for each in Part},
        "documents": sorted(document.id for document in documents),
        "near_duplicates": [_pair(overlap) for overlap in alike],
        "leakage": [_pair(overlap) for overlap in leaking(alike)],
    }


def leaking(alike: Sequence[Overlap]) -> list[Overlap]:
    """The near-duplicates that fall into different parts: what is tested on was then trained on."""
    return [overlap for overlap in alike if part(overlap.left) is not part(overlap.right)]


def _counts(documents: Sequence[Document]) -> dict[str, int]:
    spans = Counter(entity.label for document in documents for entity in document.entities)
    return {"documents": len(documents), **{name: spans[name] for name in LABELS.names}}


def _pair(overlap: Overlap) -> dict[str, Any]:
    parts = {"parts": [part(overlap.left).value, part(overlap.right).value]}
    return {"documents": [overlap.left, overlap.right], "share": round(overlap.share, 4), **parts}


def changed(folder: Path) -> Iterator[str]:
    """The exports of a frozen version that are missing or no longer what they were."""
    for name, wanted in _recorded(folder).items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif sha256(path) != wanted:
            yield f"{name} was changed: SHA-256 {sha256(path)}, frozen as {wanted}"


def exports_of(folder: Path) -> list[Path]:
    """The exports of a frozen version that are there."""
    return [folder / name for name in _recorded(folder) if (folder / name).is_file()]


def _recorded(folder: Path) -> dict[str, str]:
    try:
        recorded = dict(read_json(folder / MANIFEST)["exports"])
        return {name: str(about["sha256"] if isinstance(about, dict) else about) for name, about in recorded.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / MANIFEST} is no manifest of a frozen version: it lacks 'exports'") from error
