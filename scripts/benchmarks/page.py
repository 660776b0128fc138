"""`benchmarks.md` and its plots, from the figures alone."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.contenders import BEFORE, PIPELINES

Figures = Mapping[str, Any]
SLOWER, FASTER = "#888888", "#1f4e79"
YARDSTICK = list(PIPELINES)[-1]


def write(results: Figures, folder: Path) -> None:
    """Writes the page and two plots."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nghiquyet", "font.size": 10}):
        _throughput_plot(results["throughput"]["words a second"], folder / "throughput.svg")
        _length_plot(results["length"], folder / "length.svg")
    parts = [_head(results), _throughput(results), _latency(results), _length(results)]
    parts += [_company(results), _processes(results), _profile(results)]
    (folder / "benchmarks.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers with two or three figures."""
    lines = [header, ["---"] * len(header), *[[_cell(value) for value in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return (
        f"{value:,.0f}"
        if value >= 100
        else f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
        if value >= 0.1
        else f"{value:.4f}"
    )


def _head(results: Figures) -> str:
    machine, found = results["machine"], results["throughput"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"""# Benchmarks

Printed by `python scripts/benchmark.py` ({machine["date"]}, commit {machine["commit"][:12]}) on {machine["cores"]}
cores of {machine["processor"]}; {packages}. The figures are in [benchmarks.json](benchmarks.json).

The texts are {found["texts"]} lines of the five articles in `annotations/`, {found["words"]:,} words by white space;
the contenders take turns, and the medians of {found["repeats"]} rounds are given. The middle nine tenths of a fixed
piece of work, done before every measurement, spread over {found["noise"]:.0%} of its median: smaller differences say
nothing.

*base* is PhoBERT's shape (12 layers of 768, 64,000 pieces) with random weights, words by underthesea on both sides;
*compact* is the shipped model (4 layers of 256, 16,000 pieces), words are syllables. *pipeline* is
`transformers.pipeline("token-classification")` with the same weights over the same words, in fp32, its default."""


def _ratio_rows(speeds: Mapping[str, float], shape: str, suffix: str) -> list[list[object]]:
    yardstick = speeds[f"{shape}, {YARDSTICK}{suffix}"]
    names = [name for name in speeds if name.startswith(f"{shape}, ") and name.endswith(suffix)]
    if not suffix:
        names = [name for name in names if not name.endswith("words given")]
    return [
        [name.removeprefix(f"{shape}, ").removesuffix(suffix), speeds[name], speeds[name] / yardstick]
        for name in sorted(names, key=lambda name: -speeds[name])
    ]


def _throughput(results: Figures) -> str:
    speeds = results["throughput"]["words a second"]
    shapes = [shape for shape in ("base", "compact") if f"{shape}, {YARDSTICK}" in speeds]
    parts = ["## Throughput", "![Words a second](throughput.svg)"]
    for shape in shapes:
        for suffix, title in (("", "words found as part of the work"), (", words given", "words given beforehand")):
            header = ["", "words/s", f"times the {YARDSTICK}"]
            parts += [f"**{shape}, {title}**", table(header, _ratio_rows(speeds, shape, suffix))]
    others = [[name, speeds[name]] for name in speeds if ", " not in name]
    parts += ["**With models of their own**", table(["", "words/s"], others)]
    if len(shapes) == 2:
        best = speeds["compact, onnx int8"]
        against = {name: speeds[f"base, {name}"] for name in PIPELINES} | {row[0]: row[1] for row in others}
        parts += [
            "**The shipped form (compact, onnx int8) against what people use instead**",
            table(["", "times as fast"], [[name, best / speed] for name, speed in against.items()]),
        ]
    parts.append(f"*{BEFORE}* is how this package ran its model at first.")
    return "\n\n".join(parts)


def _latency(results: Figures) -> str:
    rows = [
        [name, *(1000 * found[text][share] for text in ("sentence", "article") for share in ("p50", "p95"))]
        for name, found in results["latency"].items()
    ]
    header = [
        "milliseconds",
        "sentence, median",
        "95th percentile",
        "article of 2,000 words, median",
        "95th percentile",
    ]
    return "## Latency\n\n" + table(header, rows)


def _company(results: Figures) -> str:
    rows = [
        [name, found["words"], *found["by default"], *found["in batches of 16"]]
        for name, found in results["company"].items()
    ]
    header = ["", "words", "labels changed by default", "most a logit moves", "in batches of 16", "most a logit moves"]
    return f"""## Does company change an answer?

Every line alone (`batch_size=1`) against the default and against batches of 16 windows:

{table(header, rows)}

By default ONNX Runtime runs each window alone, and OpenVINO only windows of one length together (padded to a multiple
of 8), so that the answer is the same to the bit. torch runs short windows of any length together; `batch_size=1` makes
it as strict."""


def _length(results: Figures) -> str:
    rows = [
        [name, f"{words:,}", taken, 1e6 * taken / words]
        for name, points in results["length"].items()
        for words, taken in points
    ]
    header = ["", "words in one text", "seconds", "microseconds a word"]
    return "## Cost against length\n\n![Seconds by length](length.svg)\n\n" + table(header, rows)


def _processes(results: Figures) -> str:
    rows = [[name, each["seconds"], each["megabytes"]] for name, each in results["processes"].items()]
    imports = table(["module", "ms with all that it loads"], results["imports"])
    files = [[name, size] for some in results["sizes"].values() for name, size in some.items()]
    return f"""## Start, memory, size

Fresh processes from their start to their end, with one line of an article: median seconds, most memory.

{table(["", "seconds", "MB"], rows)}

What `import nghiquyet` costs (`python -X importtime`):

{imports}

Files:

{table(["", "MB"], files)}"""


def _profile(results: Figures) -> str:
    parts = ["## Where the time goes"]
    speeds = results["throughput"]["words a second"]
    for shape, found in results["profile"].items():
        total = sum(found["stages"].values())
        rows = [[name, 1e6 * taken / found["words"], f"{taken / total:.1%}"] for name, taken in found["stages"].items()]
        parts += [
            f"**{shape}, onnx int8, one thread**, step by step:",
            table(["", "microseconds a word", "share"], rows),
            _floor(found, results["machine"]["cores"], speeds[f"{shape}, pipeline, batches of 8"]),
            f"The operations of the model in one window of {found['window']} pieces (ONNX Runtime's own profile):",
            table(["", "ms", "share"], _shares(found["model"])),
        ]
        for when in ("before", "now"):
            if functions := found[f"functions {when}"]:
                rows = [[name, f"{share:.1%}"] for name, share in functions.items()]
                parts += [
                    f"Samples of all threads by py-spy, {when}, by the innermost function of this package:",
                    table(["", "share"], rows),
                ]
    return "\n\n".join(parts)


def _shares(taken: Mapping[str, float]) -> list[list[object]]:
    total = sum(taken.values())
    return [[name, each, f"{each / total:.1%}"] for name, each in taken.items()]


def _floor(found: Figures, cores: int, pipeline: float) -> str:
    """How long the products alone would take at the rates that this processor reaches, against the whole model, and
    against the pipeline, which does `pipeline` words a second.
    """
    least = sum(found["operations"][kind] * 1e6 / (found["rates"][kind] * 1e9) for kind in ("int8", "fp32"))
    taken = found["stages"]["model"] / found["pieces"]
    weights, attention = (found["operations"][kind] for kind in ("int8", "fp32"))
    fast, slow = (found["rates"][kind] for kind in ("int8", "fp32"))
    speed = cores * found["words"] / (least * found["pieces"])
    return (
        f"The floor: a piece takes {weights:.1f} million operations in products with weights and {attention:.1f} "
        f"million in attention; one core does {fast:.0f} billion a second in int8 and {slow:.0f} in fp32: "
        f"{1e6 * least:.1f} microseconds a piece at least. The model takes {1e6 * taken:.1f}, "
        f"{taken / least:.2f} times as long. It reads {found['pieces']:,} pieces in {found['windows']} windows for "
        f"{found['words']:,} words. Were there nothing but these products, {cores} cores would do "
        f"{speed:,.0f} words a second, {speed / pipeline:.1f} times the pipeline in batches of 8."
    )


def _throughput_plot(speeds: Mapping[str, float], path: Path) -> None:
    names = [name for name in sorted(speeds, key=speeds.__getitem__) if not name.endswith("words given")]
    figure = Figure(figsize=(8, 0.28 * len(names) + 1), layout="constrained")
    axes = figure.subplots()
    ours = [not any(other in name for other in (*PIPELINES, "CRF", "underthesea", BEFORE)) for name in names]
    axes.barh(names, [speeds[name] for name in names], color=[FASTER if own else SLOWER for own in ours])
    axes.set(xscale="log", xlabel="words a second, words found as part of the work")
    for i, name in enumerate(names):
        axes.text(speeds[name] * 1.05, i, f"{speeds[name]:,.0f}", va="center", fontsize=8)
    axes.margins(x=0.12)
    _save(figure, path)


def _length_plot(lengths: Mapping[str, Sequence[tuple[int, float]]], path: Path) -> None:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, points in lengths.items():
        axes.plot([words for words, _ in points], [taken for _, taken in points], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="words in one text", ylabel="seconds")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
