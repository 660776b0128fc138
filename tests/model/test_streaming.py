"""Many texts: lines and pipes, worker processes, and going on after a break."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import Result

from nghiquyet import InputError, Predictor
from nghiquyet.documents import Document
from nghiquyet.errors import MissingExtraError
from nghiquyet.parallel import ModelChoice, answers, answers_in_processes
from nghiquyet.resume import skip_done, whole_lines
from nghiquyet.sources import Source, read_sources
from tests.model.test_cli import nghiquyet


@pytest.fixture
def model(tiny_onnx: Path) -> str:
    return str(tiny_onnx)


@pytest.fixture(scope="module")
def lines(articles: list[str]) -> list[str]:
    return [line for article in articles for line in article.splitlines() if line.strip()]


@pytest.fixture
def jsonl(lines: list[str], tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"text": line}, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def test_lines_of_a_pipe_are_texts(model: str) -> None:
    raw = "Bí thư Thị ủy\r\n\n  \nHuyện ủy".encode() + b"\n\xff\n"
    result = nghiquyet("predict", "-", "--input", "lines", "--model", model, "-f", "jsonl", stdin=raw)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(f["id"], f["text"]) for f in found] == [("-:1", "Bí thư Thị ủy"), ("-:4", "Huyện ủy")]
    assert result.exit_code == 2
    assert "standard input:5 is not UTF-8" in result.stderr


def test_json_lines_of_a_pipe(model: str) -> None:
    raw = '{"id": "a", "text": "Thị ủy"}\n{"text": "Huyện ủy"}\n'.encode()
    result = nghiquyet("predict", "-", "--input", "jsonl", "--model", model, "-f", "jsonl", stdin=raw)
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["a", "standard input:2"]


def test_workers_give_the_same_in_the_same_order(model: str, jsonl: Path) -> None:
    call = ["predict", str(jsonl), "--model", model, "-f", "jsonl"]
    assert nghiquyet(*call, "--workers", "2").stdout == nghiquyet(*call).stdout


def test_workers_read_only_a_little_ahead(model: str) -> None:
    read = 0

    def sources() -> Iterator[Source]:
        nonlocal read
        for read in range(1, 100_000):
            yield Source(str(read), "Bí thư Thị ủy " * 20)

    answers = answers_in_processes(ModelChoice(model), sources(), 0.0, 1)
    first = next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert isinstance(first, Document)
    assert first.id == "1"
    assert read < 1000


def test_an_error_of_one_text_is_its_answer(tiny_onnx: Path) -> None:
    predictor = Predictor.load(tiny_onnx)
    predictor.max_pieces = 4  # nothing longer than a syllable of two pieces fits
    sources = [Source("a", ""), Source("b", "nghiquyetnghiquyetnghiquyet"), Source("c", "xã")]
    found = list(answers(predictor, sources, 0.0))
    assert [type(each) for each in found] == [Document, InputError, Document]


def test_a_killed_run_goes_on_and_nothing_is_lost_or_doubled(model: str, lines: list[str], tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"id": str(i), "text": lines[i % len(lines)]} for i in range(3000)]
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    call = ["predict", str(source), "--model", model, "-f", "jsonl", "-o", str(output), "--resume"]
    partial = tmp_path / "out.jsonl.partial"
    run = subprocess.Popen([sys.executable, "-m", "nghiquyet.cli", *call], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while (not partial.exists() or partial.stat().st_size < 20_000) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    done = partial.read_bytes().count(b"\n")
    assert 0 < done < 3000
    with partial.open("ab") as file:
        file.write(b'{"id": "half a li')  # as a break in the middle of a line leaves it
    assert nghiquyet(*call).exit_code == 0
    found = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [f["id"] for f in found] == [row["id"] for row in rows]
    assert not partial.exists()
    assert "is complete" in nghiquyet(*call).stderr


def test_resuming_with_another_input_is_an_error(model: str, jsonl: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    partial = tmp_path / "out.jsonl.partial"
    partial.write_text('{"id": "x", "text": "y", "entities": []}\n', encoding="utf-8")
    call = ["predict", str(jsonl), "--model", model, "-f", "jsonl", "-o", str(output), "--resume"]
    result = nghiquyet(*call)
    assert result.exit_code == 2
    assert "it changed since" in result.stderr
    assert partial.exists()
    partial.write_text("not json\n", encoding="utf-8")
    assert "delete the file" in nghiquyet(*call).stderr
    assert "-f jsonl" in nghiquyet("predict", str(jsonl), "--model", model, "--resume").stderr


def test_whole_lines_are_kept_and_a_half_one_is_cut(tmp_path: Path) -> None:
    partial = tmp_path / "p"
    assert whole_lines(partial) == 0
    partial.write_bytes(b"{}\n{}\n{")
    assert whole_lines(partial) == 2
    assert partial.read_bytes() == b"{}\n{}\n"
    partial.write_text('{"id": "a", "text": "b"}\n', encoding="utf-8")
    rest = skip_done(iter([Source("a", "b"), Source("c", "d")]), partial)
    assert [source.id for source in rest] == ["c"]


def _predict(model: str, source: Path, output: Path, *more: str) -> Result:
    return nghiquyet("predict", str(source), "--model", model, "-f", "jsonl", "-o", str(output), *more)


def test_a_run_that_was_stopped_can_go_on_though_nobody_asked_before(
    model: str, jsonl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    _predict(model, jsonl, whole)

    def stopped(*_: object, **__: object) -> Iterator[Document]:
        yield from islice(answers(Predictor.load(model), _sources(jsonl), None), 5)  # type: ignore[misc]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("nghiquyet.cli.answers", stopped)
        assert _predict(model, jsonl, output).exit_code != 0
    assert not output.exists()
    other = _predict(model, jsonl, output, "--resume", "--min-score", "0.9")
    assert other.exit_code == 2
    assert "min_score: None, now 0.9" in other.stderr
    assert _predict(model, jsonl, output, "--resume").exit_code == 0
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl", "whole.jsonl"]


def _sources(jsonl: Path) -> Iterator[Source]:
    return (each for each in read_sources([str(jsonl)]) if isinstance(each, Source))


def test_answers_are_not_read_as_texts(model: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "Thị ủy"}\n' * 3, encoding="utf-8")
    for _ in range(2):
        assert _predict(model, tmp_path, tmp_path / "out.jsonl").exit_code == 0
        assert len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == 3


def test_no_texts_are_an_empty_answer(model: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n", encoding="utf-8")
    output = tmp_path / "out.jsonl"
    output.write_text("yesterday's\n", encoding="utf-8")
    assert _predict(model, tmp_path / "a.jsonl", output).exit_code == 0
    assert output.read_text("utf-8") == ""


@pytest.mark.parametrize("output", [".", "there"])
def test_an_output_that_is_a_folder_is_told(output: str, model: str, jsonl: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    result = _predict(model, jsonl, Path(output) if output == "." else tmp_path / output)
    assert result.exit_code == 2
    assert "give the name of a file" in result.stderr


def test_a_worker_that_is_killed_is_told(model: str, jsonl: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    many = tmp_path / "many.jsonl"
    many.write_text(jsonl.read_text("utf-8") * 30, encoding="utf-8")
    call = [sys.executable, "-m", "nghiquyet.cli", "predict", str(many), "--model", model, "-f", "jsonl"]
    with subprocess.Popen([*call, "-o", str(output), "--workers", "2"], stderr=subprocess.PIPE, text=True) as process:
        partial, deadline = tmp_path / "out.jsonl.partial", time.monotonic() + 120
        while (not partial.exists() or not partial.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "a worker process ended" in said
    assert "Traceback" not in said
    assert partial.stat().st_size


def test_a_missing_extra_comes_out_of_a_worker() -> None:
    error = pickle.loads(pickle.dumps(MissingExtraError("OpenVINO", "openvino")))
    assert str(error) == str(MissingExtraError("OpenVINO", "openvino"))


def test_a_precision_is_that_of_the_score_in_use(jsonl: Path, tmp_path: Path) -> None:
    shown = _predict("compact", jsonl, tmp_path / "o", "--precision", "0.5", "--min-score", "0.9").stderr
    point = Predictor.load().operating_point(0.9)
    assert point.min_score == pytest.approx(0.9)
    assert f"precision {point.precision:.2f}, recall {point.recall:.2f}" in " ".join(shown.split())
