import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from nghiquyet.labels import LABELS
from nghiquyet_annotations.cli import app

Make = Callable[..., Any]


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_config_prints_xml_alone() -> None:
    result = _run("config")
    assert result.exit_code == 0
    assert [label.get("value") for label in ET.fromstring(result.output).iter("Label")] == list(LABELS.names)


def test_config_prints_the_instructions_with_a_link() -> None:
    result = _run("config", "--instructions", "--guideline", "https://example.org/g")
    assert 'href="https://example.org/g"' in result.output


def test_validate_exits_with_0_on_good_exports(root: Path) -> None:
    gold = root / "annotations/gold"
    result = _run("validate", gold / "gold.json", gold / "pass-a.json", "--articles", root / "annotations/articles")
    assert result.exit_code == 0, result.output


def test_validate_exits_with_1_and_says_where(task: Make, region: Make, save: Make) -> None:
    result = _run("validate", save(task(region("Huyện ủy ", "LOC"), id=5)))
    assert result.exit_code == 1
    assert "task 5" in result.output
    assert "[7, 16): label: labelled ['LOC']" in result.output
    assert "Bí thư [Huyện ủy ]Thanh Oai" in result.output


def test_names_and_texts_are_no_markup(task: Make, region: Make, save: Make) -> None:
    text = "[red]5 xã và :x: [/x]"
    spans = [{"start": 0, "end": len("[red]5 xã")}, {"start": text.index(":"), "end": len(text)}]
    regions = [region("7/9", "METRIC", text=text[s["start"] : s["end"]], **s) for s in spans]
    item = task(*regions, text=text) | {"data": {"text": text, "doc_id": "bài [b]"}}
    shown = _run("stats", save(item)).output
    assert "[red]5 xã" in shown
    assert ":x: [/x]" in shown
    assert "bài [b]" in shown
    bad = task(region("7/9", "LOC", **spans[1]), text=text)
    assert ":x: [/x]" in _run("validate", save(bad)).output


@pytest.mark.parametrize("command", ["stats", "validate"])
def test_spans_of_another_kind_of_page_are_not_passed_over(command: str, task: Make, region: Make, save: Make) -> None:
    result = _run(command, save(task(region("7/9", "METRIC") | {"type": "hypertextlabels"})))
    assert result.exit_code != 0
    assert "hypertextlabels" in result.output


@pytest.mark.parametrize("output", [".", "there"])
def test_an_output_that_is_a_folder_is_told(output: str, task: Make, save: Make, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    result = _run("validate", save(task()), "--fix", Path(output) if output == "." else tmp_path / output)
    assert result.exit_code == 2
    assert "give the name of a file" in result.output


def test_validate_exits_with_2_yet_checks_the_other_files(task: Make, region: Make, save: Make, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"\xff\xfe")
    result = _run("validate", tmp_path / "x.json", save(task(region("Huyện ủy ", "ORG"))))
    assert result.exit_code == 2
    assert "edge white space" in result.output


@pytest.mark.parametrize(
    "content",
    ["", "{}", "null", "[" * 100_000, '[{"id": ' + "9" * 5000 + "}]"],
    ids=["empty", "object", "null", "too deep", "too large a number"],
)
@pytest.mark.parametrize("command", ["validate", "stats", "agreement"])
def test_a_file_that_is_no_export_is_exit_2(command: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    result = _run(command, path)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "error: " in result.stderr


@pytest.mark.parametrize("result", [5, [5], [{"type": "labels", "value": [1]}]])
@pytest.mark.parametrize("command", ["stats", "agreement"])
def test_a_malformed_result_is_exit_2(command: str, result: object, save: Make, task: Make) -> None:
    found = _run(command, save(task(annotations=[{"id": 1, "completed_by": 1, "result": result}])))
    assert found.exit_code == 2
    assert "validate" in found.stderr


@pytest.mark.parametrize("command", ["validate", "stats", "agreement"])
def test_a_missing_file_is_exit_2(command: str, tmp_path: Path) -> None:
    result = _run(command, tmp_path / "none.json")
    assert result.exit_code == 2
    assert "cannot read" in result.stderr


def test_fix_writes_a_mended_copy(task: Make, region: Make, save: Make, tmp_path: Path) -> None:
    path, out = save(task(region("Huyện ủy ", "ORG"))), tmp_path / "out.json"
    before = path.read_bytes()
    result = _run("validate", path, "--fix", out)
    assert result.exit_code == 0, result.output
    assert path.read_bytes() == before
    value = json.loads(out.read_text(encoding="utf-8"))[0]["annotations"][0]["result"][0]["value"]
    assert value == {"start": 7, "end": 15, "text": "Huyện ủy", "labels": ["ORG"]}
    assert "Huyện ủy" in out.read_text(encoding="utf-8")


def test_fix_leaves_other_problems_and_says_so(task: Make, region: Make, save: Make, tmp_path: Path) -> None:
    result = _run("validate", save(task(region("Huyện ủy ", "LOC"))), "--fix", tmp_path / "out.json")
    assert result.exit_code == 1
    assert "edge white space" not in result.output


def test_fix_takes_one_export_and_another_file(task: Make, save: Make, tmp_path: Path) -> None:
    path = save(task())
    assert _run("validate", path, path, "--fix", tmp_path / "out.json").exit_code == 2
    assert _run("validate", path, "--fix", path).exit_code == 2
    assert _run("validate", path, "--fix", path / "out.json").exit_code == 2
    assert _run("validate", path, "--fix", tmp_path / "new folder" / "out.json").exit_code == 0


def test_a_lone_surrogate_survives_the_fix(task: Make, tmp_path: Path) -> None:
    path, out = tmp_path / "in.json", tmp_path / "out.json"
    items = [task(text="\ud800 Huyện ủy")]
    path.write_text(json.dumps(items), encoding="utf-8")
    assert _run("validate", path, "--fix", out).exit_code == 0
    assert json.loads(out.read_text(encoding="utf-8")) == items


def test_stats_prints_the_counts(root: Path) -> None:
    result = _run("stats", root / "annotations/gold/gold.json", "--top", "3")
    assert result.exit_code == 0
    assert "Nghị quyết Trung ương 4 (khóa XII)" in result.output
    assert "206" in result.output


def test_agreement_prints_figures_and_differences(task: Make, region: Make, save: Make) -> None:
    first = save(task(region("Huyện ủy", "ORG"), region("7/9 chỉ tiêu", "METRIC")), name="a.json")
    second = save(task(region("Huyện ủy Thanh Oai", "ORG"), region("7/9 chỉ tiêu", "METRIC")), name="b.json")
    result = _run("agreement", first, second)
    assert result.exit_code == 0
    assert "0.5000" in result.output
    assert "ORG [7, 15): Bí thư [Huyện ủy] Thanh Oai" in result.output


@pytest.mark.parametrize("command", ["config", "validate", "stats", "agreement"])
def test_every_help_has_an_example(command: str) -> None:
    assert f"Example: nghiquyet-annotate {command}" in _run(command, "--help").output
