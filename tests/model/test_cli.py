"""The command `nghiquyet`, run as users run it."""

import json
import lzma
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nghiquyet import LABELS, Predictor
from nghiquyet.cli import app
from tests.conftest import ARTICLES


def nghiquyet(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin, env={"COLUMNS": "200", "NO_COLOR": "1"})


@pytest.fixture
def model(tiny_onnx: Path) -> str:
    return str(tiny_onnx)


def test_table(model: str) -> None:
    result = nghiquyet("predict", str(ARTICLES[0]), "--model", model)
    assert result.exit_code == 0
    assert ARTICLES[0].name in result.output
    expected = Predictor.load(model).predict(ARTICLES[0].read_text("utf-8"))
    assert sum(result.output.count(f" {label.name} ") for label in LABELS) == len(expected)


def test_jsonl_of_a_folder_gives_exact_offsets(model: str) -> None:
    result = nghiquyet("predict", str(ARTICLES[0].parent), "--model", model, "-f", "jsonl")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [Path(line["id"]).name for line in lines] == [path.name for path in ARTICLES]
    for line, path in zip(lines, ARTICLES, strict=True):
        text = path.read_bytes().decode("utf-8")
        assert line["text"] == text
        assert all(text[e["start"] : e["end"]] == e["text"] for e in line["entities"])


def test_conll_has_one_tag_a_word(model: str, tmp_path: Path) -> None:
    output = tmp_path / "out.conll"
    assert nghiquyet("predict", str(ARTICLES[0]), "--model", model, "-f", "conll", "-o", str(output)).exit_code == 0
    rows = [line.split("\t") for line in output.read_text("utf-8").splitlines() if "\t" in line]
    assert {tag for _, tag in rows} <= set(LABELS.tags)
    predictor = Predictor.load(model)
    text = ARTICLES[0].read_text("utf-8")
    assert len(rows) == len(predictor.encoder.encode(text))
    assert sum(tag.startswith("B-") for _, tag in rows) == len(predictor.predict(text))


def test_html_is_one_page_with_legend_and_escaped_text(model: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("<b>Huyện ủy</b> & Thị ủy", encoding="utf-8")
    output = tmp_path / "out.html"
    assert (
        nghiquyet("predict", str(tmp_path / "a.txt"), "--model", model, "-f", "html", "-o", str(output)).exit_code == 0
    )
    page = output.read_text("utf-8")
    assert all(f'<mark class="{label.name}">{label.name}</mark>' in page for label in LABELS)
    assert "<b>" not in page
    assert "http" not in page
    assert not list(tmp_path.glob("*.partial"))


def test_standard_input(model: str) -> None:
    result = nghiquyet("predict", "-", "--model", model, "-f", "jsonl", stdin="Bí thư Thị ủy".encode())
    assert json.loads(result.stdout)["text"] == "Bí thư Thị ủy"


def test_compressed_json_lines_are_read_and_a_broken_file_is_told(model: str, tmp_path: Path) -> None:
    whole = tmp_path / "a.jsonl.xz"
    whole.write_bytes(lzma.compress(json.dumps({"id": "x", "text": "Huyện ủy Thanh Oai"}).encode()))
    (tmp_path / "b.jsonl.xz").write_bytes(whole.read_bytes()[:-9])
    result = nghiquyet("predict", str(tmp_path), "--model", model, "-f", "jsonl")
    assert result.exit_code == 2
    assert json.loads(result.stdout.splitlines()[0])["id"] == "x"
    assert "b.jsonl.xz: not a whole .xz file" in result.stderr.replace("\n", "")


def test_jsonl_input_with_another_field(model: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id": "x", "body": "Thị ủy"}\n\n{"body": "Huyện ủy"}\n', encoding="utf-8")
    result = nghiquyet("predict", str(path), "--model", model, "-f", "jsonl", "--text-field", "body")
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["x", f"{path}:3"]


def test_bad_files_are_reported_and_the_others_done(model: str, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"\xc3\x28 \xff")
    (tmp_path / "word.docx").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.jsonl").write_text('{"text": 3}\nnot json\n{"text": "Thị ủy"}\n', encoding="utf-8")
    (tmp_path / "good.txt").write_text("", encoding="utf-8")
    names = ["latin.txt", "word.docx", "empty", "none.txt", "broken.jsonl", "good.txt"]
    result = nghiquyet("predict", *(str(tmp_path / n) for n in names), "--model", model, "-f", "jsonl")
    assert result.exit_code == 2
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == ["Thị ủy", ""]
    result_of_long_name = nghiquyet("predict", "x" * 5000, names[-1], "--model", model)
    assert result_of_long_name.exit_code == 2
    assert "Traceback" not in result_of_long_name.stderr
    for part in ("not UTF-8", "cannot read", "holds no .txt", "no such file", "broken.jsonl:1", "broken.jsonl:2"):
        assert part in result.stderr
    assert "Traceback" not in result.stderr


def test_a_bad_model_is_one_line(tmp_path: Path) -> None:
    result = nghiquyet("predict", str(ARTICLES[0]), "--model", str(tmp_path))
    assert result.exit_code == 2
    assert "has no manifest.json" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_that_cannot_be_written(model: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    result = nghiquyet("predict", str(ARTICLES[0]), "--model", model, "-f", "jsonl", "-o", str(tmp_path / "x"))
    assert result.exit_code == 2


def test_a_missing_output_folder_is_one_line(model: str, tmp_path: Path) -> None:
    for form in ("jsonl", "table"):
        result = nghiquyet("predict", str(ARTICLES[0]), "--model", model, "-f", form, "-o", str(tmp_path / "no" / "x"))
        assert result.exit_code == 2
        assert "cannot write" in result.stderr


def test_info() -> None:
    result = nghiquyet("info")
    assert result.exit_code == 0
    for part in ("METRIC, ORG, PERSON, RESOLUTION", "syllable", "licence", "onnxruntime"):
        assert part in result.output


def test_a_broken_emoji_is_written_as_json_writes_it(model: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"id": null, "text": "Thị ủy \\ud83d"}\n', encoding="utf-8")
    output = tmp_path / "out.jsonl"
    result = nghiquyet("predict", str(tmp_path / "in.jsonl"), "--model", model, "-f", "jsonl", "-o", str(output))
    assert result.exit_code == 0
    line = json.loads(output.read_text("utf-8"))
    assert line["text"] == "Thị ủy \ud83d"
    assert line["id"].endswith("in.jsonl:1")


def test_names_that_look_like_markup_are_printed_as_they_are(model: str, tmp_path: Path) -> None:
    path = tmp_path / "x[b]y.txt"
    path.write_text("Thị ủy", encoding="utf-8")
    assert "x[b]y.txt" in nghiquyet("predict", str(path), "--model", model).output


def test_nothing_read_leaves_an_earlier_output_alone(model: str, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("earlier", encoding="utf-8")
    assert nghiquyet("predict", "none.txt", "--model", model, "-f", "jsonl", "-o", str(output)).exit_code == 2
    assert output.read_text("utf-8") == "earlier"


def test_a_folder_called_like_the_bundled_model_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compact").mkdir()
    monkeypatch.chdir(tmp_path)
    assert nghiquyet("info").exit_code == 0
