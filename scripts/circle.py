"""The whole circle once, on the five seed articles: from texts to annotations to a model, and its predictions back.

    scripts/label_studio start && source .label-studio/env
    python scripts/circle.py 'Một vòng' -o runs/circle

Each step is a command that is printed before it runs. The annotator's part is played: through the API all articles
but the last get the gold as a correction of their pre-annotation; the last waits for the new model's prediction. That
model is the one of configs/smoke.yaml: it shows that everything works, not that it is good.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nghiquyet.console import reported
from nghiquyet.documents import Document
from nghiquyet.errors import AnnotationError, ConfigError
from nghiquyet.label_studio import read_documents, text_hash
from nghiquyet_annotations.console import connect_to_project
from nghiquyet_annotations.marked import regions

ROOT = Path(__file__).resolve().parent.parent
ARTICLES = ROOT / "annotations" / "articles"
GOLD = ROOT / "annotations" / "gold" / "gold.json"
MODULES = {
    "nghiquyet": "nghiquyet.cli",
    "nghiquyet-annotate": "nghiquyet_annotations.cli",
    "nghiquyet-train": "nghiquyet_training.cli",
}


def command(name: str, *arguments: str | Path) -> None:
    """Runs one of the project's commands in this interpreter's environment; ends the circle where it fails."""
    words = list(map(str, arguments))
    typer.secho(f"\n$ {shlex.join([name, *words])}", bold=True)
    done = subprocess.run([sys.executable, "-m", MODULES[name], *words], cwd=ROOT, check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)


def correct(title: str) -> list[Document]:
    """Answers every task but the last with the gold, as a correction of its prediction; returns those documents."""
    server, project = connect_to_project(None, None, None, title)
    gold = {document.id: document for document in read_documents([GOLD])}
    tasks = list(server.tasks(project.id))[:-1]
    for task in tasks:
        answer = correction(gold[text_hash(task["data"]["text"])], task["predictions"][0])
        server.write(lambda api, task=task, answer=answer: api.annotations.create(id=task["id"], **answer))  # type: ignore[misc]
    return [gold[text_hash(task["data"]["text"])] for task in tasks]


def correction(gold: Document, predicted: dict[str, Any]) -> dict[str, Any]:
    """The gold as an annotation that began from a prediction: spans that were right keep their id and origin."""
    right = {
        (region["value"]["start"], region["value"]["end"], *region["value"]["labels"]): region
        for region in predicted["result"]
    }
    result = [right.get(entity.key, drawn) for entity, drawn in zip(gold.entities, regions(gold.entities), strict=True)]
    return {"result": result, "parent_prediction": predicted["id"]}


def check_same(export: Path, expected: list[Document]) -> None:
    """What was pulled must be what was entered, span for span."""
    pulled = {document.id: document for document in read_documents([export])}
    if pulled != {document.id: document for document in expected}:
        raise AnnotationError(f"{export} is not what was entered; see: nghiquyet-annotate diff {GOLD} {export}")
    typer.echo(f"{len(pulled)} document(s) came back as they were entered")


def main(
    title: Annotated[str, typer.Argument(help="Title of a new project")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for all that comes of it")],
) -> None:
    """Go round once. Address and token are taken from the environment, as `nghiquyet-annotate` does."""
    output = output.resolve()
    export, run = output / "pulled" / "export.json", output / "run"
    with reported():
        if output.exists():
            raise ConfigError(f"{output} exists already; name a new folder")
        command("nghiquyet-annotate", "init", title)
        command("nghiquyet-annotate", "push", ARTICLES, "--project", title)
        command("nghiquyet-annotate", "preannotate", "--project", title)
        corrected = correct(title)
        command("nghiquyet-annotate", "pull", "--project", title, "--output", output / "pulled")
        check_same(export, corrected)
        command("nghiquyet-annotate", "validate", export, "--articles", ARTICLES)
        command("nghiquyet-annotate", "acceptance", export)
        command("nghiquyet-annotate", "gold", export, "--output", output / "gold", "--version", "1")
        data = f"data.train={json.dumps([str(output / 'gold' / export.name)])}"
        command("nghiquyet-train", "run", "configs/smoke.yaml", "--set", data, "--set", f"output={run}")
        predict = ("--model", run / "model", "--format", "jsonl", "--output", output / "predictions.jsonl")
        command("nghiquyet", "predict", ARTICLES, *predict)
        command("nghiquyet-annotate", "preannotate", "--model", run / "model", "--project", title)


if __name__ == "__main__":
    typer.run(main)
