"""Corpora in Parquet and JSON lines: cut into shards, read back whole, answered in Parquet."""

import json
from pathlib import Path

import pytest

from nghiquyet.documents import Document, Entity
from nghiquyet.errors import InputError
from nghiquyet.sources import Source

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'nghiquyet[ray]'")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install 'nghiquyet[ray]'")

from nghiquyet.shards import Shard, begin, plan, read, write  # noqa: E402 - after the skip

TEXTS = ["Bí thư Thị ủy", "", "một\u2028hai", "👍 ba", "bốn"]


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in TEXTS]
    path = tmp_path / "a.jsonl"
    path.write_bytes("\n".join([*lines, "", "not json", '{"id": 7, "text": "sáu"}']).encode())
    return path


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "b.parquet"
    rows = {"id": [*"abcde", "f"], "text": [*TEXTS, None], "other": [1] * 6}
    pq.write_table(pa.table(rows), path, row_group_size=2)
    return path


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_shards_of_any_size_hold_every_text_once_and_in_order(jsonl: Path, parquet: Path, size: int) -> None:
    shards = plan([str(jsonl), str(parquet)], "text", size)
    assert [shard.number for shard in shards] == list(range(len(shards)))
    found = [each for shard in shards for each in read(shard, "text")]
    sources = [each for each in found if isinstance(each, Source)]
    assert [source.text for source in sources] == [*TEXTS, "sáu", *TEXTS]
    assert [source.id for source in sources[5:]] == ["7", *"abcde"]
    assert sources[3].id == f"{jsonl}:4"
    errors = [str(each) for each in found if isinstance(each, InputError)]
    assert len(errors) == 2
    assert f"{jsonl}:7 is not a line of JSON" in errors[0]
    assert errors[1] == "f: no text, but None"


def test_a_folder_is_read_in_order_of_names(jsonl: Path, parquet: Path) -> None:
    assert [Path(shard.path).name for shard in plan([str(jsonl.parent)], "text")] == ["a.jsonl", "b.parquet"]


def test_what_cannot_be_read_is_told_before_anything_begins(tmp_path: Path, parquet: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'body' \(it has: id, text, other\).*--text-field"):
        plan([str(parquet)], "body")
    with pytest.raises(InputError, match=r"ends in \.parquet or \.jsonl"):
        plan([str(tmp_path / "none.csv")], "text")
    (tmp_path / "bad.parquet").write_bytes(b"PAR")
    with pytest.raises(InputError, match="as Parquet"):
        plan([str(tmp_path / "bad.parquet")], "text")


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    text = "Bí thư Thị ủy"
    entity = Entity(7, 13, "ORG", "Thị ủy", 0.5)
    path = tmp_path / "part.parquet"
    failed = write(
        [
            (Source("a", text), Document("a", text, (entity,))),
            (Source("b", "x"), InputError("too long")),
            (None, InputError("no text")),
            (Source("c", "\ud800"), Document("c", "\ud800", ())),
            (Source("d", ""), Document("d", "", ())),
        ],
        path,
    )
    assert failed == 3
    rows = pq.read_table(path).to_pylist()
    expected = {"start": 7, "end": 13, "label": "ORG", "text": "Thị ủy", "score": 0.5}
    assert rows[0] == {"id": "a", "text": text, "entities": [expected], "error": None}
    assert (rows[1]["id"], rows[1]["entities"], rows[1]["error"]) == ("b", None, "too long")
    assert rows[2]["error"] == "no text"
    assert rows[3]["text"] == "\\ud800"
    assert "lone surrogate" in rows[3]["error"]
    assert rows[4]["entities"] == []
    assert [p.name for p in tmp_path.iterdir()] == ["part.parquet"]


def test_a_folder_is_begun_once_and_resumed_with_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    begin(folder, {"a": 1}, resume=False)
    begin(folder, {"a": 1}, resume=True)
    with pytest.raises(InputError, match="--resume"):
        begin(folder, {"a": 1}, resume=False)
    with pytest.raises(InputError, match="other texts, model or settings"):
        begin(folder, {"a": 2}, resume=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(InputError, match="other files"):
        begin(tmp_path / "full", {}, resume=True)


def test_names_of_parts_sort_as_their_numbers() -> None:
    names = [Shard(number, "x", 0, 0, 1).output(Path("o")).name for number in (9, 10, 100)]
    assert names == sorted(names)
