"""Where the time goes, by stage, operation and function, and the least that the processor would need."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

from benchmarks.measure import Call, again
from benchmarks.models import Shape
from nghiquyet.backends import SLOW_FUSIONS
from nghiquyet.predictor import Predictor
from nghiquyet.windows import make_windows, pad

ROWS = 1024  # of the products whose rate is measured
OPERATIONS = 12  # of the table: the rest is little


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds of one core for the same texts, stage by stage; and the pieces that the model read."""

    seconds: dict[str, float]
    pieces: int
    windows: int


def stages(shape: Shape, texts: Sequence[str]) -> Stages:
    """The steps of `predict_batch` one after the other in one thread, medians of several runs."""
    predictor = Predictor.load(shape.export("onnx int8"), threads=1)
    encoder = predictor.encoder
    encoded = [encoder.encode(text) for text in texts]
    logits = predictor.word_logits(encoded)
    windows = [window for each in encoded for window in make_windows(each, predictor.max_pieces)]
    lines = [line for text in texts for line in text.splitlines(keepends=True)]
    calls: dict[str, Call] = {
        "words": lambda: [encoder.segmenter.segment(line) for line in lines],
        "words and pieces": lambda: [encoder.encode(text) for text in texts],
        "windows": lambda: [make_windows(each, predictor.max_pieces) for each in encoded],
        "model": lambda: [predictor.backend(pad([window])) for window in windows],
        "decoding": lambda: predictor.decoder.decode_all(logits, [each.lines for each in encoded]),
    }
    taken = {name: statistics.median(again(call, most=5, budget=20)) for name, call in calls.items()}
    taken["pieces"] = max(0.0, taken.pop("words and pieces") - taken["words"])
    return Stages(taken, sum(len(window.ids) for window in windows), len(windows))


def matrix_rates(width: int) -> dict[str, float]:
    """Operations a second of one core, times 10^9, in products (ROWS, H) x (H, 4H) as ONNX Runtime runs them."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-128, 128, (width, 4 * width))
    rates = {}
    for name, node, kinds in (
        ("fp32", "MatMul", (TensorProto.FLOAT, np.float32, np.float32, TensorProto.FLOAT)),
        ("int8", "MatMulInteger", (TensorProto.UINT8, np.uint8, np.int8, TensorProto.INT32)),
    ):
        kind, left, right, out = kinds
        constant = weights.astype(right)
        graph = helper.make_graph(
            [helper.make_node(node, ["a", "b"], ["c"])],
            "product",
            [helper.make_tensor_value_info("a", kind, (ROWS, width))],
            [helper.make_tensor_value_info("c", out, (ROWS, 4 * width))],
            [
                helper.make_tensor(
                    "b", helper.np_dtype_to_tensor_dtype(constant.dtype), constant.shape, constant.tobytes(), True
                )
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        session = ort.InferenceSession(model.SerializeToString(), _one_thread())
        rows = {"a": rng.integers(0, 255, (ROWS, width)).astype(left)}
        taken = statistics.median(again(lambda s=session, r=rows: s.run(None, r), most=50, budget=3))  # type: ignore[misc]
        rates[name] = 2 * ROWS * width * 4 * width / taken / 1e9
    return rates


def operations(shape: Shape, pieces: float) -> dict[str, float]:
    """Operations a piece, times 10^6, in windows of so many pieces: products with weights (int8), and attention's."""
    layers, width, inner = (shape.config[key] for key in ("num_hidden_layers", "hidden_size", "intermediate_size"))
    return {
        "int8": 2 * layers * (4 * width**2 + 2 * width * inner) / 1e6,
        "fp32": 2 * layers * 2 * pieces * width / 1e6,
    }


def model_operations(shape: Shape, pieces: int) -> dict[str, float]:
    """Milliseconds of each kind of operation in a window of `pieces`, one thread: medians, the largest first."""
    options = _one_thread()
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as scratch:
        options.profile_file_prefix = f"{scratch}/run"
        model = str(shape.export("onnx int8") / "model.onnx")
        session = ort.InferenceSession(model, options, disabled_optimizers=SLOW_FUSIONS)
        ids = np.full((1, pieces), 5, dtype=np.int64)
        for _ in range(30):
            session.run(None, {"input_ids": ids})
        events = json.loads(Path(session.end_profiling()).read_text("utf-8"))
    nodes: dict[tuple[str, str], list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            nodes.setdefault((event["args"]["op_name"], event["name"]), []).append(event["dur"] / 1000)
    kinds: Counter[str] = Counter()
    for (kind, _), taken in nodes.items():
        kinds[kind] += statistics.median(taken)  # type: ignore[assignment]
    return dict(kinds.most_common(OPERATIONS))


SAMPLED = """
import json, sys
sys.path.insert(0, {scripts!r})
from pathlib import Path
from benchmarks.contenders import as_before
from nghiquyet.predictor import Predictor
run = {run}
run(json.loads(Path({texts!r}).read_text("utf-8")))
"""


def sampled(shape: Shape, texts: Sequence[str], times: int, *, before: bool) -> dict[str, float]:
    """The share of samples of predicting by the innermost function of this package; empty where py-spy cannot run."""
    py_spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if py_spy is None:
        print("py-spy is not installed: no samples")
        return {}
    folder = str(shape.export("onnx int8"))
    run = f"as_before(Path({folder!r}))" if before else f"Predictor.load({folder!r}).predict_batch"
    with tempfile.TemporaryDirectory() as scratch:
        raw, kept = Path(scratch) / "samples", Path(scratch) / "texts.json"
        kept.write_text(json.dumps(list(texts) * times), "utf-8")
        code = SAMPLED.format(scripts=str(Path(__file__).parents[1]), run=run, texts=str(kept))
        command = [py_spy, "record", "--rate", "200", "--format", "raw", "--output", str(raw), "--"]
        done = subprocess.run([*command, sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode or not raw.is_file():
            print(f"py-spy: {done.stderr.strip()[-200:]}")
            return {}
        counts: Counter[str] = Counter()
        for line in raw.read_text("utf-8").splitlines():
            stack, _, number = line.rpartition(" ")
            if "engine.py" in stack or "predictor.py" in stack:  # neither imports nor loading
                counts[_own_frame(stack)] += int(number)
    return {name: number / counts.total() for name, number in counts.most_common(OPERATIONS)}


def _own_frame(stack: str) -> str:
    """`decode (nghiquyet/decode.py)` of `...;decode (/path/nghiquyet/decode.py:45);...`."""
    for frame in reversed(stack.split(";")):
        if "nghiquyet/" in frame:
            name, _, place = frame.partition(" (")
            return f"{name} ({place.partition('nghiquyet/')[2].partition(':')[0]})"
    return "others"


def _one_thread() -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return options
