"""Many texts: lines and pipes, worker processes, and going on after a break."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nghiquyet import InputError, Predictor
from nghiquyet.documents import Document
from nghiquyet.parallel import ModelChoice, answers, answers_in_processes
from nghiquyet.resume import skip_done, whole_lines
from nghiquyet.sources import Source
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
