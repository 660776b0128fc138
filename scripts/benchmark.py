"""How fast, against what people use instead: one run, contenders taking turns, on the articles of this project.

    NGHIQUYET_PHOBERT_VOCAB=FOLDER python scripts/benchmark.py            # 20 minutes on two quiet cores
    NGHIQUYET_PHOBERT_VOCAB=FOLDER python scripts/benchmark.py --quick    # shows that it runs

FOLDER holds PhoBERT's `vocab.txt` and `bpe.codes`: the base shape has its vocabulary and random weights, which cost
what trained ones cost. The models are made once and kept in --models (`--prepare` makes them and stops). Writes
benchmarks.json, benchmarks.md and plots to --output.
"""

import json
import os
import platform
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import chain, cycle
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import measure, page, profile
from benchmarks.contenders import PIPELINES, Contender, GivenWords, Run, contenders, models_of
from benchmarks.models import EXPORTS, Shape, make_shapes
from nghiquyet.backends import usable_cores
from nghiquyet.console import reported
from nghiquyet.documents import Document
from nghiquyet.label_studio import read_documents
from nghiquyet.predictor import Predictor
from nghiquyet_training.provenance import git_commit, versions

ROOT = Path(__file__).resolve().parent.parent
LINE_WORDS = 120  # the pipeline reads no more than 256 pieces: longer lines are cut, for all alike
ARTICLE_WORDS = 2000
LENGTHS = {"compact, onnx int8": 1_000_000, "base, onnx int8": 100_000, "base, pipeline, batches of 8": 10_000}
LATENCIES = ("onnx int8", "openvino int8", "torch fp32", *PIPELINES)
IMPORTS = 8  # modules of `import nghiquyet` that are shown


@reported()
def main(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the page, plots and figures")] = ROOT
    / "docs",
    models: Annotated[Path, typer.Option(help="Folder where the models are kept")] = ROOT / "runs" / "benchmark",
    repeats: Annotated[int, typer.Option(min=1, help="Rounds of throughput; the median is quoted")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="One round, few and short texts")] = False,
    prepare: Annotated[bool, typer.Option("--prepare", help="Only make the models")] = False,
) -> None:
    """Measures everything and writes the page."""
    gold = read_documents([ROOT / "annotations" / "gold" / "gold.json"])
    vocabulary = os.environ.get("NGHIQUYET_PHOBERT_VOCAB")
    shapes = make_shapes(models, Path(vocabulary) if vocabulary else None, [gold[0].text[:4000]])
    if prepare:
        return
    lines = [part for document in gold for line in document.text.splitlines() for part in cut(line, LINE_WORDS)]
    if quick:
        lines, repeats = lines[:12], 1
    runs = {each: each.load() for each in contenders(shapes, gold)}
    results: dict[str, Any] = {
        "machine": machine(),
        "throughput": throughput(shapes, runs, lines, repeats),
        "company": company(shapes, lines),
        "latency": latency(runs, gold, quick),
        "length": length(runs, gold, quick),
        "processes": processes(shapes, gold[0].text.splitlines()[0], 1 if quick else 5),
        "imports": sorted(measure.import_times("nghiquyet"), key=lambda row: -row[1])[:IMPORTS],
        "sizes": {shape.name: sizes(shape) for shape in shapes},
        "profile": {shape.name: profiled(shape, lines, quick) for shape in shapes},
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "benchmarks.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page.write(results, output)
    typer.echo(output / "benchmarks.md")


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    names = [line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("model name")]
    return {
        "cores": usable_cores(),
        "processor": names[0].partition(":")[2].strip() if names else platform.processor(),
        "date": date.today().isoformat(),
        "commit": git_commit(),
        "versions": versions(),
    }


def cut(line: str, words: int) -> list[str]:
    """A line in parts of so many words at most; none of a blank line."""
    found = line.split()
    return [" ".join(found[i : i + words]) for i in range(0, len(found), words)]


def words_of(texts: Sequence[str]) -> int:
    """Words apart by white space: the same count for every contender, whatever it takes for a word."""
    return sum(len(text.split()) for text in texts)


def text_of(gold: Sequence[Document], words: int) -> str:
    """The articles one after the other, again and again, in lines, cut to so many words."""
    lines = cycle([line.split() for document in gold for line in document.text.splitlines() if line.strip()])
    found: list[str] = []
    while words > 0:
        line = next(lines)[:words]
        found.append(" ".join(line))
        words -= len(line)
    return "\n".join(found)


def throughput(
    shapes: Sequence[Shape], runs: dict[Contender, Run], lines: Sequence[str], repeats: int
) -> dict[str, Any]:
    """Words a second over the same lines, with the words found as part of the work and given beforehand."""
    print("throughput")
    given = {shape.name: GivenWords(shape.segmenter, lines) for shape in shapes}
    calls: dict[str, Callable[[], object]] = {}
    for each, run in runs.items():
        calls[each.key] = partial(run, lines, None)
        if each.shape:
            calls[f"{each.key}, words given"] = partial(run, lines, given[each.shape])
    reference = next(partial(run, lines, None) for each, run in runs.items() if each.key == "compact, onnx int8")
    turns = measure.take_turns(calls, reference, repeats)
    words = words_of(lines)
    return {
        "words": words,
        "texts": len(lines),
        "repeats": repeats,
        "noise": turns.noise,
        "words a second": {name: words / turns.median(name) for name in calls},
        "seconds": dict(turns.calls),
    }


def company(shapes: Sequence[Shape], lines: Sequence[str]) -> dict[str, Any]:
    """What changes when windows run in company instead of alone: labels, and the most that a logit moves."""
    print("company")
    found: dict[str, Any] = {}
    for shape in shapes:
        for name in ("onnx int8", "openvino int8", "torch fp32", "torch bf16"):
            folder, options = models_of(shape)[name]
            predictor = Predictor.load(folder, **options)
            encoded = [predictor.encoder.encode(line) for line in lines]
            alone, usual, batches = (
                np.concatenate(predictor.word_logits(encoded, batch_size)) for batch_size in (1, None, 16)
            )
            found[f"{shape.name}, {name}"] = {
                "words": len(alone),
                **{
                    when: [int((some.argmax(1) != alone.argmax(1)).sum()), float(np.abs(some - alone).max())]
                    for when, some in (("by default", usual), ("in batches of 16", batches))
                },
            }
    return found


def latency(runs: dict[Contender, Run], gold: Sequence[Document], quick: bool) -> dict[str, Any]:
    """Seconds for one sentence and for one article, median and 95th percentile."""
    print("latency")
    article = text_of(gold, 200 if quick else ARTICLE_WORDS)
    sentence = "Bí thư Huyện ủy Thanh Oai Bùi Hoàng Phan phát biểu chỉ đạo tại Hội nghị."
    found: dict[str, Any] = {}
    for each, run in runs.items():
        if each.name not in (*LATENCIES, "CRF", "underthesea ner"):
            continue
        # The pipeline takes no long text: the article comes to it, and to all, in its lines.
        parts = [part for line in article.splitlines() for part in cut(line, LINE_WORDS)]
        texts = {"sentence": [sentence], "article": parts if each.name in PIPELINES else [article]}
        found[each.key] = {}
        for name, some in texts.items():
            taken = measure.again(partial(run, some, None), most=5 if quick else 100, budget=1 if quick else 6)
            found[each.key][name] = {
                "p50": measure.quantile(taken, 0.5),
                "p95": measure.quantile(taken, 0.95),
                "calls": len(taken),
            }
    return found


def length(runs: dict[Contender, Run], gold: Sequence[Document], quick: bool) -> dict[str, list[tuple[int, float]]]:
    """Seconds for one text of so many words (the pipeline: its lines); the best of three for the short ones."""
    print("length")
    found: dict[str, list[tuple[int, float]]] = {}
    for each, run in runs.items():
        for words in (100, 1000, 10_000, 100_000, 1_000_000):
            if words > LENGTHS.get(each.key, 0) // (100 if quick else 1):
                break
            text = text_of(gold, words)
            texts = [part for line in text.splitlines() for part in cut(line, LINE_WORDS)]
            call = partial(run, texts if each.name in PIPELINES else [text], None)
            taken = min(measure.seconds(call) for _ in range(3 if words <= 10_000 else 1))
            found.setdefault(each.key, []).append((words, taken))
    return found


def processes(shapes: Sequence[Shape], sentence: str, repeats: int) -> dict[str, Any]:
    """Fresh processes from start to end with one sentence: seconds (median) and most memory in MB."""
    print("processes")
    codes = {"python alone": "pass", "import nghiquyet": "import nghiquyet"}
    codes["shipped compact model"] = f"from nghiquyet import predict; predict({sentence!r})"
    for shape in shapes:
        for name, folder, options in (
            ("onnx int8", shape.export("onnx int8"), ""),
            ("openvino int8", shape.export("openvino int8"), ""),
            ("torch fp32", shape.folder, ", backend='torch'"),
        ):
            load = f"Predictor.load({str(folder)!r}{options})"
            codes[f"{shape.name}, {name}"] = f"from nghiquyet import Predictor; {load}.predict({sentence!r})"
        codes[f"{shape.name}, pipeline"] = PIPELINE.format(folder=shape.folder, sentence=sentence)
    codes["underthesea ner"] = f"from underthesea import ner; ner({sentence!r})"
    taken: dict[str, list[measure.Process]] = {name: [] for name in codes}
    for _ in range(repeats):
        for name, code in codes.items():
            taken[name].append(measure.run_process(code))
    return {
        name: {
            "seconds": measure.quantile([each.seconds for each in some], 0.5),
            "megabytes": max(each.megabytes for each in some),
        }
        for name, some in taken.items()
    }


PIPELINE = """
from transformers import PhobertTokenizer, RobertaForTokenClassification, pipeline
model = RobertaForTokenClassification.from_pretrained({str_folder}, dtype="float32")
pipeline("token-classification", model=model, tokenizer=PhobertTokenizer.from_pretrained({str_folder}))({sentence!r})
""".replace("{str_folder}", "'{folder}'")


def sizes(shape: Shape) -> dict[str, float]:
    """MB of each model file."""
    paths = chain(shape.folder.glob("model.*"), *(shape.export(name).glob("*") for name in EXPORTS))
    models = (path for path in paths if path.suffix in (".onnx", ".bin", ".safetensors"))
    return {f"{path.parent.name}/{path.name}": path.stat().st_size / 1e6 for path in models}


def profiled(shape: Shape, lines: Sequence[str], quick: bool) -> dict[str, Any]:
    """Where the time of one shape goes, before and now, and how far from the floor its model is."""
    print(f"profile of {shape.name}")
    found = profile.stages(shape, lines)
    window = {"compact": 128, "base": 256}[shape.name]
    times = 1 if quick else {"compact": 30, "base": 3}[shape.name]
    return {
        "words": words_of(lines),
        "stages": found.seconds,
        "pieces": found.pieces,
        "windows": found.windows,
        "rates": profile.matrix_rates(shape.width),
        "operations": profile.operations(shape, found.pieces / found.windows),
        "window": window,
        "model": profile.model_operations(shape, window),
        "functions before": profile.sampled(shape, lines, times, before=True),
        "functions now": profile.sampled(shape, lines, times, before=False),
    }


if __name__ == "__main__":
    typer.run(main)
