"""The command `nghiquyet-train`: pretrain, train, evaluate, export."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nghiquyet.console import BAD_INPUT, complain, reported
from nghiquyet.documents import Document
from nghiquyet.errors import MissingExtraError
from nghiquyet.labels import LABELS
from nghiquyet.sources import texts_of

# torch, transformers and datasets take seconds to import: each command imports what it runs.

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console()
ARTICLES = "annotations/articles"  # what an export is checked on in a checkout

ConfigArgument = Annotated[Path, typer.Argument(help="A YAML configuration, as in configs/")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="key=value over the configuration; repeatable")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with the run that was stopped")]


@contextmanager
def ready() -> Iterator[None]:
    """As `reported`; a training package that is not installed is named with the command that installs it."""
    try:
        with reported():
            yield
    except ModuleNotFoundError as error:
        complain(MissingExtraError(f"nghiquyet-train ({error.name} is not installed)", "train"))
        raise typer.Exit(BAD_INPUT) from None


def quiet_transformers() -> None:
    """Leaves the training bar alone and drops what transformers says of each load: this package checks loads itself."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


@app.command()
def run(config: ConfigArgument, overrides: SetOption = None, resume: ResumeOption = False) -> None:
    """Train, score on what was held out, package.

    Example: nghiquyet-train run configs/smoke.yaml --set output=runs/first
    """
    with ready():
        from nghiquyet_training.config import TrainConfig
        from nghiquyet_training.evaluate import score_table
        from nghiquyet_training.processes import is_first
        from nghiquyet_training.run import run as run_training
        from nghiquyet_training.settings import expand

        quiet_transformers()
        settings = TrainConfig.load(config, overrides or [])
        for part, scores in run_training(settings, resume=resume).items():
            console.print(score_table(scores, part))
        if is_first():
            typer.echo(f"model: {expand(settings.output) / 'model'}")


@app.command()
def crossval(config: ConfigArgument, overrides: SetOption = None) -> None:
    """Leave one document of data.train out: pooled scores with intervals.

    Example: nghiquyet-train crossval configs/leave-one-out.yaml
    """
    with ready():
        from nghiquyet_training.config import TrainConfig
        from nghiquyet_training.crossval import crossval as run_crossval
        from nghiquyet_training.evaluate import score_table

        quiet_transformers()
        settings = TrainConfig.load(config, overrides or [])
        console.print(score_table(run_crossval(settings), f"{settings.name}, one document left out"))


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Bundled model, model folder or Hub id")],
    exports: Annotated[list[Path], typer.Argument(help="Label Studio JSON exports with the gold")],
    tenth: Annotated[int | None, typer.Option(min=0, max=9, help="Only this tenth of the documents, by hash")] = None,
    json_output: Annotated[Path | None, typer.Option("--json", help="Write the rows here as well")] = None,
    record: Annotated[str | None, typer.Option(help="Add the figures to a manifest and card under this name")] = None,
    into: Annotated[Path | None, typer.Option(help="The model folder to record in; by default MODEL")] = None,
    failures: Annotated[int, typer.Option(min=0, help="Record this many errors as examples, with their text")] = 0,
) -> None:
    """Score a model on gold annotations, as `predict` would answer.

    Example: nghiquyet-train evaluate compact annotations/gold/gold.json
    """
    with ready():
        from nghiquyet.artefact import open_artefact
        from nghiquyet.predictor import Predictor
        from nghiquyet.scoring import score
        from nghiquyet_training.evaluate import read_gold, rows, score_table
        from nghiquyet_training.export import record as record_rows
        from nghiquyet_training.failures import failure_examples
        from nghiquyet_training.run import write_json
        from nghiquyet_training.trainer import predict_documents

        quiet_transformers()
        recorded = open_artefact(into or Path(model)).folder if record else None  # a folder: before the work is done
        gold = read_gold(exports, tenth)
        found = predict_documents(Predictor.load(model), gold)
        scores = score(gold, found)
        names = ", ".join(path.name for path in exports)
        part = "" if tenth is None else f", tenth {tenth}"
        console.print(score_table(scores, f"{model} on {names}{part}: {len(gold)} documents"))
        if json_output:
            write_json(json_output, rows(scores))
        if record and recorded:
            record_rows(recorded, record, rows(scores), failure_examples(gold, found, failures))


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A model, or predictions in JSON lines")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another")],
    exports: Annotated[list[Path], typer.Option("--gold", help="Label Studio JSON exports with the gold")],
    tenth: Annotated[int | None, typer.Option(min=0, max=9, help="Only this tenth of the documents, by hash")] = None,
) -> None:
    """Say whether model A is better than model B, or whether it may be luck.

    Example: nghiquyet-train compare runs/a/model runs/b/model --gold annotations/gold/gold.json
    """
    with ready():
        from nghiquyet_training.evaluate import comparison_table, predictions, read_gold
        from nghiquyet_training.significance import compare as compare_predictions

        quiet_transformers()
        gold = read_gold(exports, tenth)
        left, right = predictions(a, gold), predictions(b, gold)
        by_label = {label: compare_predictions(gold, left, right, label) for label in (*LABELS.names, None)}
        console.print(comparison_table(by_label, a, b))
        typer.echo(by_label[None].in_words("A", "B"))


@app.command()
def report(
    model: Annotated[str, typer.Argument(help="Bundled model, model folder or Hub id")],
    exports: Annotated[list[Path], typer.Argument(help="Label Studio JSON exports with the gold")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for index.html and report.json")],
    tenth: Annotated[int | None, typer.Option(min=0, max=9, help="Only this tenth of the documents, by hash")] = None,
    train: Annotated[
        list[Path] | None, typer.Option(help="Exports it was trained on; what is reported on is left out")
    ] = None,
    perturb: Annotated[bool, typer.Option(help="Score perturbed documents as well")] = True,
    curve: Annotated[Path | None, typer.Option(help="points.jsonl of scripts/learning_curve.py")] = None,
) -> None:
    """Write a report for people, one HTML page, and for machines, JSON.

    Example: nghiquyet-train report compact annotations/gold/gold.json -o report
    """
    with ready():
        from nghiquyet.predictor import Predictor
        from nghiquyet_training.evaluate import read_gold
        from nghiquyet_training.learning_curve import read_points
        from nghiquyet_training.report import make_report, to_json
        from nghiquyet_training.report_page import to_html
        from nghiquyet_training.run import write_json

        quiet_transformers()
        gold = read_gold(exports, tenth)
        part = "" if tenth is None else f", tenth {tenth}"
        found = make_report(
            Predictor.load(model),
            gold,
            model=Path(model).name if "/" not in model else model,
            data=", ".join(path.name for path in exports) + part,
            train=_training_documents(train, gold) if train else None,
            perturb=perturb,
            curve=read_points(curve) if curve else (),
        )
        output.mkdir(parents=True, exist_ok=True)
        (output / "index.html").write_text(to_html(found), encoding="utf-8")
        write_json(output / "report.json", to_json(found))
        typer.echo(f"{output / 'index.html'}: F1 {found.scores['micro'].counts.f1:.3f} on {len(gold)} documents")


@app.command()
def calibrate(
    model: Annotated[Path, typer.Argument(help="A model folder; its manifest is rewritten")],
    exports: Annotated[list[Path], typer.Option("--gold", help="Label Studio JSON exports of development documents")],
    tenth: Annotated[int | None, typer.Option(min=0, max=9, help="Only this tenth of the documents, by hash")] = None,
) -> None:
    """Fit the temperature of a model's scores, and note what least scores bring, on development documents.

    Example: nghiquyet-train calibrate exported --gold export.json --tenth 9
    """
    with ready():
        from nghiquyet.artefact import open_artefact
        from nghiquyet.predictor import Predictor
        from nghiquyet_training.calibration import calibrate as fit
        from nghiquyet_training.calibration import calibration_table
        from nghiquyet_training.evaluate import read_gold
        from nghiquyet_training.package import calibrated, finish_artefact

        quiet_transformers()
        calibration = fit(Predictor.load(model), read_gold(exports, tenth))
        finish_artefact(model, calibrated(open_artefact(model).manifest, calibration))
        console.print(calibration_table(calibration))


@app.command()
def average(
    models: Annotated[list[Path], typer.Argument(help="Folders of trained models, fine-tuned from the same one")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder")],
) -> None:
    """Make one model of several, as small and as fast: the mean of their weights. Calibrate and evaluate it then.

    Example: nghiquyet-train average runs/a/model runs/b/model -o runs/mean
    """
    with ready():
        from nghiquyet_training.soup import average as average_models

        quiet_transformers()
        average_models(models, output)
        typer.echo(f"{output}: the mean of {len(models)} models; not calibrated, see nghiquyet-train calibrate")


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="The folder of a trained model (RUN/model)")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new folder; by default MODEL-FORM")] = None,
    texts: Annotated[list[str] | None, typer.Option(help="Files or folders of text to check and calibrate on")] = None,
    onnx: Annotated[bool, typer.Option("--onnx/--openvino", help="The runtime that it is for")] = True,
    int8: Annotated[bool, typer.Option("--int8", help="Quantise weights and activations to 8 bits")] = False,
    exports: Annotated[
        list[Path] | None, typer.Option("--gold", help="Label Studio JSON exports to score it on")
    ] = None,
    tenth: Annotated[int | None, typer.Option(min=0, max=9, help="Only this tenth of the gold, by hash")] = None,
    max_loss: Annotated[float | None, typer.Option(min=0, max=1, help="F1 it may lose on the gold")] = None,
    max_changed: Annotated[float | None, typer.Option(min=0, max=1, help="Share of labels that may change")] = None,
) -> None:
    """Export to ONNX or OpenVINO and print how far the export agrees with the checkpoint.

    An export that loses more than it may is not written: in int8 half a point of F1 or 2% of the labels, in fp32 a
    tenth of a point or 0.1%.

    Example: nghiquyet-train export runs/compact/model --onnx --int8 -o exported --gold annotations/gold/gold.json
    """
    with ready():
        from nghiquyet_training.evaluate import read_gold
        from nghiquyet_training.export import FP32_BOUNDS, INT8_BOUNDS, Bounds
        from nghiquyet_training.export import export as export_model

        quiet_transformers()
        usual = INT8_BOUNDS if int8 else FP32_BOUNDS
        form = "onnx" if onnx else "openvino"
        folder = output or model.with_name(f"{model.name}-{form}{'-int8' if int8 else ''}")
        parity = export_model(
            model,
            folder,
            list(texts_of(texts or [ARTICLES])),
            int8=int8,
            form=form,
            gold=read_gold(exports, tenth) if exports else (),
            bounds=Bounds(
                f1=usual.f1 if max_loss is None else max_loss,
                labels=usual.labels if max_changed is None else max_changed,
            ),
        )
        typer.echo(f"{folder}: {parity.in_words()}")


@app.command()
def publish(
    model: Annotated[Path, typer.Argument(help="The folder of a trained model (RUN/model)")],
    target: Annotated[str, typer.Option("--to", help="A new folder, or OWNER/NAME on the Hub")],
    yes: Annotated[bool, typer.Option("--yes", help="Send it; without, a Hub id is a dry run")] = False,
    public: Annotated[bool, typer.Option("--public", help="For everyone to see; else private")] = False,
) -> None:
    """Write a model as the Hub and plain transformers know it: with card, licence and examples.

    Example: nghiquyet-train publish runs/phobert-base/model --to ./published

    Example: nghiquyet-train publish runs/phobert-base/model --to OWNER/NAME --yes
    """
    with ready(), tempfile.TemporaryDirectory() as scratch:
        from nghiquyet_training.licences import obligations
        from nghiquyet_training.publish import is_hub_id, prepare, upload

        on_hub = is_hub_id(target)
        folder = Path(scratch) / "model" if on_hub else Path(target)
        manifest = prepare(model, folder, target if on_hub else None)
        for path in sorted(folder.iterdir()):
            typer.echo(f"{path.stat().st_size:>12,} {path.name}")
        typer.echo(f"licence: {manifest.licence}")
        if warning := obligations(manifest.licence):
            typer.echo(warning, err=True)
        if not on_hub:
            typer.echo(f"written: {folder}")
        elif yes:
            typer.echo(f"sent: {upload(folder, target, public=public)}")
        else:
            typer.echo(f"dry run: this would go to {target} on the Hub, with --yes; for a folder say --to ./{target}")


@app.command()
def label(
    texts: Annotated[list[Path], typer.Argument(help="Text files: .txt, .jsonl, .jsonl.xz")],
    config: Annotated[Path, typer.Option(help="Trains the CRF on its training part, checks on its development part")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for the silver data")],
    models: Annotated[list[str] | None, typer.Option("--model", help="A trained model; several take turns")] = None,
    crf_share: Annotated[float, typer.Option(min=0, max=1, help="The CRF's say beside the models'; 0 is none")] = 0.5,
    rules: Annotated[bool, typer.Option(help="Let the rules for RESOLUTION overrule the others")] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="Texts at most")] = None,
    resume: ResumeOption = False,
    overrides: SetOption = None,
) -> None:
    """Label unlabelled text with several models and a CRF, for a student to learn from (data.silver).

    Example: nghiquyet-train label politics.jsonl.xz --config configs/compact.yaml --model runs/a/model -o runs/silver
    """
    with ready():
        from nghiquyet_training.config import TrainConfig
        from nghiquyet_training.evaluate import score_table
        from nghiquyet_training.label import label_texts

        quiet_transformers()
        settings = TrainConfig.load(config, overrides or [])
        words, scores = label_texts(
            texts, settings, models or [], output, crf_share=crf_share, rules=rules, limit=limit, resume=resume
        )
        if scores:
            console.print(score_table(scores, "the teachers on the development documents"))
        typer.echo(f"{output}: {words:,} words")


@app.command()
def vocab(
    files: Annotated[list[Path], typer.Argument(help="Text files: .txt, .jsonl, .jsonl.xz")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for vocab.txt and bpe.codes")],
    size: Annotated[int, typer.Option(min=500, max=65_000, help="Pieces")] = 16_000,
    segmenter: Annotated[str, typer.Option(help="The word segmenter")] = "syllable",
    max_words: Annotated[int, typer.Option(min=1, help="Words to count at most")] = 30_000_000,
) -> None:
    """Train a BPE vocabulary in PhoBERT's file format.

    Example: nghiquyet-train vocab corpus/news.jsonl.xz -o runs/vocab --size 16000
    """
    with ready():
        from nghiquyet.segment import load_segmenter
        from nghiquyet_training.corpus import read_texts
        from nghiquyet_training.vocab import count_words, train_vocab, write_vocab

        counts = count_words(read_texts(files), load_segmenter(segmenter), max_words)
        pieces, merges = train_vocab(counts, size)
        write_vocab(output, pieces, merges, counts)
        typer.echo(f"{output}: {len(pieces)} pieces from {counts.total():,} words ({len(counts):,} forms)")


@app.command()
def pretrain(config: ConfigArgument, overrides: SetOption = None, resume: ResumeOption = False) -> None:
    """Pretrain a compact encoder on unlabelled text.

    Example: nghiquyet-train pretrain configs/pretrain-compact.yaml --resume
    """
    with ready():
        from nghiquyet_training.pretrain import pretrain as run_pretraining
        from nghiquyet_training.pretrain_config import PretrainConfig

        folder, losses = run_pretraining(PretrainConfig.load(config, overrides or []), resume=resume)
        typer.echo(f"{folder}: loss {losses}")


def _training_documents(exports: list[Path], gold: list[Document]) -> list[Document]:
    """What the exports hold beside the documents that are reported on."""
    from nghiquyet.label_studio import read_documents

    tested = {document.id for document in gold}
    return [document for document in read_documents(exports) if document.id not in tested]


if __name__ == "__main__":
    app()
