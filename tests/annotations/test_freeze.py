from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nghiquyet.errors import AnnotationError, InputError
from nghiquyet.label_studio import text_hash
from nghiquyet.splits import Part, part
from nghiquyet_annotations.cli import app
from nghiquyet_annotations.freeze import changed, freeze

Make = Callable[..., Any]


def _texts(wanted: Part, count: int) -> list[str]:
    """Texts that all begin alike and fall into the part `wanted`."""
    start = " ".join(f"từ{i}" for i in range(60))
    texts = (f"{start} kết {n}" for n in range(10_000))
    return [text for text in texts if part(text_hash(text)) is wanted][:count]


def test_a_frozen_version_says_what_is_in_it(task: Make, region: Make, save: Make, tmp_path: Path) -> None:
    export = save(task(region("Huyện ủy Thanh Oai", "ORG")), name="a.json")
    folder = tmp_path / "gold-1"
    manifest = freeze([export], folder, "1")
    assert sum(counts["documents"] for counts in manifest["parts"].values()) == 1
    assert sum(counts["ORG"] for counts in manifest["parts"].values()) == 1
    assert (folder / "a.json").read_bytes() == export.read_bytes()
    assert list(changed(folder)) == []
    (folder / "a.json").write_text("[]", encoding="utf-8")
    assert "was changed" in next(changed(folder))
    (folder / "a.json").unlink()
    assert list(changed(folder)) == ["a.json is missing"]
    with pytest.raises(InputError, match="never written over"):
        freeze([export], folder, "2")


def test_what_has_problems_is_not_frozen(task: Make, region: Make, save: Make, tmp_path: Path) -> None:
    bad = save(task(region("Huyện ủy Thanh Oai", "PLACE")))
    with pytest.raises(AnnotationError, match=r"1 problem.*validate"):
        freeze([bad], tmp_path / "gold", "1")
    assert not (tmp_path / "gold").exists()
    with pytest.raises(InputError, match="a name of its own"):
        freeze([bad, bad], tmp_path / "gold", "1")
    with pytest.raises(InputError, match="is a file"):
        freeze([bad], bad, "1")
    with pytest.raises(InputError, match="no manifest"):
        list(changed(save().parent))


def test_two_weeks_are_frozen_together_and_checked_later(task: Make, save: Make, tmp_path: Path) -> None:
    weeks = []
    for number in (1, 2):
        (tmp_path / f"tuan-{number}").mkdir()
        weeks.append(save(task(id=number, text=f"bài {number}"), name=f"tuan-{number}/gold.json"))
    manifest = freeze(weeks, tmp_path / "gold", "1")
    assert list(manifest["exports"]) == ["tuan-1-gold.json", "tuan-2-gold.json"]
    checked = CliRunner().invoke(app, ["validate", str(tmp_path / "gold")])
    assert checked.exit_code == 0, checked.output
    assert "tuan-2" in checked.output
    (tmp_path / "gold" / "tuan-1-gold.json").write_text("[]", encoding="utf-8")
    checked = CliRunner().invoke(app, ["validate", str(tmp_path / "gold")])
    assert checked.exit_code == 1
    assert "tuan-1-gold.json was changed" in checked.output


def test_the_projects_own_gold_is_what_its_manifest_says(root: Path) -> None:
    assert list(changed(root / "annotations" / "gold")) == []


def test_copies_in_different_parts_are_leakage(task: Make, save: Make, tmp_path: Path) -> None:
    texts = [*_texts(Part.TRAIN, 2), *_texts(Part.TEST, 1)]
    export = save(*(task(id=i, text=text) for i, text in enumerate(texts)))
    result = CliRunner().invoke(app, ["gold", str(export), "-o", str(tmp_path / "gold"), "--version", "1"])
    assert result.exit_code == 1
    assert result.output.count("near-duplicates:") == 3
    assert "2 pair(s) fall into different parts" in result.output


def test_diff_shows_spans_and_documents(task: Make, region: Make, save: Make) -> None:
    org, metric = region("Huyện ủy Thanh Oai", "ORG"), region("7/9 chỉ tiêu", "METRIC")
    before = save(task(org), name="before.json")
    after = save(task(org, metric), task(id=2, text="khác"), name="after.json")
    result = CliRunner().invoke(app, ["diff", str(before), str(after)])
    assert result.exit_code == 1
    assert "only second" in result.output
    assert "only in after.json" in result.output
    assert "1 span(s) differ in 1 common document(s)" in result.output
    assert CliRunner().invoke(app, ["diff", str(before), str(before)]).exit_code == 0
