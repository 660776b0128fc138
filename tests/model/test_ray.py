"""Ray Data on this machine: the same answers as one process, and nothing lost when a worker is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nghiquyet import Predictor
from tests.model.test_cli import nghiquyet

pytest.importorskip("ray", reason="ray is not installed: pip install 'nghiquyet[ray]'")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install 'nghiquyet[ray]'")


def answers(folder: Path) -> list[dict[str, Any]]:
    return [row for part in sorted(folder.glob("part-*.parquet")) for row in pq.read_table(part).to_pylist()]


def workers_of_ray() -> Iterator[int]:
    """Processes that Ray named after the class they run, as it does for their time of life."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = path.read_bytes()
            if title.startswith(b"ray::") and b"MapWorker" in title:
                yield int(path.parent.name)
        except OSError:
            continue


def test_a_killed_worker_and_a_killed_run_lose_nothing(tiny_onnx: Path, articles: list[str], tmp_path: Path) -> None:
    lines = [line for article in articles for line in article.splitlines() if line.strip()]
    texts = [lines[i % len(lines)] for i in range(6000)]
    source, output = tmp_path / "in.jsonl", tmp_path / "out"
    rows = (json.dumps({"id": str(i), "text": text}, ensure_ascii=False) for i, text in enumerate(texts))
    source.write_text("".join(f"{row}\n" for row in [*rows, "not json"]), encoding="utf-8")
    call = ["predict", str(source), "--model", str(tiny_onnx), "--engine", "ray", "-o", str(output)]
    run = subprocess.Popen(
        [sys.executable, "-m", "nghiquyet.cli", *call], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 240
    while not list(output.glob("part-*.parquet")) and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    killed = list(workers_of_ray())
    done = len(list(output.glob("part-*.parquet")))
    assert killed
    assert 0 < done < 7
    for process in killed:
        os.kill(process, signal.SIGKILL)
    _, complaints = run.communicate(timeout=240)
    assert run.returncode == 2
    assert "1 texts have no answer" in complaints
    found = answers(output)
    assert [row["id"] for row in found] == [*map(str, range(6000)), None]
    assert f"{source}:6001 is not a line of JSON" in found[-1]["error"]
    predictor = Predictor.load(tiny_onnx)
    for row in found[:6000:97]:
        assert [(e["start"], e["end"], e["label"]) for e in row["entities"]] == [
            (e.start, e.end, e.label) for e in predictor.predict(row["text"])
        ]

    lost = output / "part-000003.parquet"
    kept = (output / "part-000002.parquet").stat().st_mtime_ns
    before = pq.read_table(lost)
    lost.unlink()
    assert "go on with --resume" in nghiquyet(*call).stderr
    assert nghiquyet(*call, "--resume").exit_code == 0
    assert pq.read_table(lost) == before
    assert (output / "part-000002.parquet").stat().st_mtime_ns == kept


def test_a_form_that_it_does_not_write_is_refused(tiny_onnx: Path, tmp_path: Path) -> None:
    call = ["predict", str(tmp_path), "--model", str(tiny_onnx), "--engine", "ray"]
    for options in ([], ["-o", str(tmp_path / "o"), "-f", "jsonl"]):
        result = nghiquyet(*call, *options)
        assert result.exit_code == 2
        assert "-o FOLDER" in result.stderr
