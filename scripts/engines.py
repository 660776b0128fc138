"""Texts a second of `nghiquyet predict` over a corpus: one process, several, and Ray Data.

    python scripts/engines.py --texts 20000 --workers 2

The corpus is the lines of the five articles over and over, in JSON lines; each engine is timed as a command, its start
included. Needs the extra `ray`. For figures worth keeping, on a machine that is quiet.
"""

import json
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nghiquyet.console import reported

ARTICLES = Path("annotations/articles")


def write_corpus(path: Path, texts: int) -> None:
    """One line of an article on each line."""
    articles = [article.read_text(encoding="utf-8") for article in sorted(ARTICLES.glob("*.txt"))]
    lines = [line for article in articles for line in article.splitlines() if line.strip()]
    rows = (json.dumps({"id": str(i), "text": line}) for i, line in enumerate(islice(cycle(lines), texts)))
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def seconds(*options: str) -> float:
    """How long the command takes, start and end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "nghiquyet.cli", "predict", *options], check=True, capture_output=True)
    return time.perf_counter() - started


@reported()
def main(
    model: Annotated[str, typer.Option(help="Bundled model or model folder")] = "compact",
    texts: Annotated[int, typer.Option(min=1, help="Lines of text in the corpus")] = 20_000,
    workers: Annotated[int, typer.Option(min=1, help="Processes, where there are several")] = 2,
) -> None:
    """Times each engine, and prints the table."""
    table = Table("engine", "seconds", "texts a second", title=f"{model}, {texts:,} texts")
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus.jsonl"
        write_corpus(corpus, texts)
        common = (str(corpus), "--model", model, "--threads", "1")
        jsonl = (*common, "-f", "jsonl", "-o", str(Path(scratch) / "out.jsonl"))
        ray = (*common, "--engine", "ray", "-o", str(Path(scratch) / "out"), "--workers", str(workers))
        for name, options in {
            "one process": jsonl,
            f"{workers} processes": (*jsonl, "--workers", str(workers)),
            f"Ray Data, {workers} workers": ray,
        }.items():
            taken = seconds(*options)
            table.add_row(name, f"{taken:.1f}", f"{texts / taken:.0f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    typer.run(main)
