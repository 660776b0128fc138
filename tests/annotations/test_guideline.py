"""Every example of the guideline stands in an article, with exactly the gold spans that the example marks."""

import re
from pathlib import Path

import pytest

from nghiquyet.documents import Document
from nghiquyet.label_studio import read_documents
from nghiquyet.labels import LABELS
from nghiquyet_annotations.labelling_config import GUIDELINE
from nghiquyet_annotations.manifest import SCHEME_VERSION

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / GUIDELINE).read_text(encoding="utf-8")
EXAMPLES = sorted(set(re.findall(r"`([^`\n]+)`", TEXT)))
MARK = re.compile(r"\[([^\]]+)\]\{([A-Z]+)\}")
Spans = set[tuple[int, int, str]]


@pytest.fixture(scope="module")
def gold() -> list[Document]:
    return read_documents([ROOT / "annotations/gold/gold.json"])


def _parse(example: str) -> tuple[str, Spans]:
    text, spans, read = "", set(), 0
    for mark in MARK.finditer(example):
        text += example[read : mark.start()]
        spans.add((len(text), len(text) + len(mark[1]), mark[2]))
        text += mark[1]
        read = mark.end()
    return text + example[read:], spans


def _seen(documents: list[Document], text: str) -> list[Spans]:
    """The gold spans that touch the text, for each place where it stands, counted from its start."""
    return [
        {(e.start - at, e.end - at, e.label) for e in d.entities if e.start < at + len(text) and at < e.end}
        for d in documents
        for at in (found.start() for found in re.finditer(re.escape(text), d.text))
    ]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_as_in_the_gold(gold: list[Document], example: str) -> None:
    text, spans = _parse(example)
    seen = _seen(gold, text)
    assert seen, "no article has this text"
    assert spans in seen


def test_there_are_examples_of_every_label_and_of_nothing() -> None:
    marked = [span[2] for example in EXAMPLES for span in _parse(example)[1]]
    assert all(marked.count(name) >= 8 for name in LABELS.names)
    assert sum(not _parse(example)[1] for example in EXAMPLES) >= 30


def test_the_table_of_labels_is_the_label_set() -> None:
    rows = re.findall(r"^\| (\d) \| \*\*(\w+)\*\* \|", TEXT, re.MULTILINE)
    assert rows == [(label.hotkey, label.name) for label in LABELS]


def test_the_version_is_that_of_the_scheme() -> None:
    assert f"Phiên bản {SCHEME_VERSION} " in TEXT
