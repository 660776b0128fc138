"""What is stripped and restored is the same; what does not fit is said."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from nghiquyet.documents import Document, Entity
from nghiquyet.errors import InputError
from nghiquyet.label_studio import read_documents
from nghiquyet_annotations.cli import app
from nghiquyet_annotations.cli_standoff import read_rows
from nghiquyet_annotations.standoff import Row, restore, strip, to_export
from nghiquyet_annotations.validate import validate
from tests.texts import messy


@given(texts=st.lists(messy.filter(lambda text: len(text) > 3), min_size=1, max_size=5, unique=True), data=st.data())
def test_stripped_and_restored_documents_are_the_same(texts: list[str], data: st.DataObject) -> None:
    documents = []
    for number, text in enumerate(texts):
        start = data.draw(st.integers(0, len(text) - 2))
        part = text[start:]
        spans = (Entity.of(part, 0, 1, "ORG"), Entity.of(part, 1, len(part), "METRIC"))
        documents.append(Document(str(number), part, spans))
    rows, strangers = strip(documents, iter(texts))
    assert not strangers
    again = {document.id: document for document in restore(rows, iter([*texts, "more"]))}
    assert again == {document.id: document for document in documents}


def test_the_commands_go_there_and_back(tmp_path: Path) -> None:
    text = "Sáng nay.\nBí thư Huyện ủy Thanh Oai Bùi Hoàng Phan phát biểu."
    part = text[10:]
    document = Document("a", part, (Entity.of(part, 7, 25, "ORG"), Entity.of(part, 26, 40, "PERSON")))
    export, corpus, rows = (tmp_path / name for name in ("export.json", "corpus.jsonl", "rows.jsonl"))
    export.write_text(json.dumps([to_export(1, document)]), encoding="utf-8")
    corpus.write_text(json.dumps({"text": text}), encoding="utf-8")
    run = CliRunner().invoke
    assert run(app, ["strip", str(export), "--corpus", str(corpus), "-o", str(rows)]).exit_code == 0
    assert "Thanh Oai" not in rows.read_text("utf-8")
    again = tmp_path / "again.json"
    assert run(app, ["restore", str(rows), "--corpus", str(corpus), "-o", str(again)]).exit_code == 0
    assert read_documents([again]) == [document]
    assert validate(json.loads(again.read_text("utf-8"))).problems == ()

    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"text": "Khác"}), encoding="utf-8")
    lost = run(app, ["restore", str(rows), "--corpus", str(other), "-o", str(again)])
    assert lost.exit_code == 2
    assert "lacks the texts of 1 of 1 documents" in lost.stderr
    strange = run(app, ["strip", str(export), "--corpus", str(other), "-o", str(rows)])
    assert strange.exit_code == 2
    assert "1 documents are no part" in strange.stderr


@pytest.mark.parametrize("raw", [{}, [], {"doc_id": "a", "of": "b", "start": 0, "end": 1, "spans": [[0, 1]]}])
def test_a_row_that_is_none_is_an_error(raw: object) -> None:
    with pytest.raises(InputError, match="here: needed doc_id"):
        Row.parse(raw, "here")


def test_rows_that_cannot_be_read_say_so_once(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    for content, message in (
        (b"{}\n", "rows.jsonl:1: needed doc_id"),
        (b"no\n", "needed JSON lines"),
        (b"\xff", "needed JSON lines"),
    ):
        rows.write_bytes(content)
        with pytest.raises(InputError, match=message) as raised:
            read_rows(rows)
        assert str(raised.value).count("needed") == 1
