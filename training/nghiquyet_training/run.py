"""One training run: from a configuration to a folder with a packaged model and all that tells how it came about."""

import json
import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, concatenate_datasets
from transformers import RobertaForTokenClassification, set_seed

from nghiquyet.artefact import MANIFEST
from nghiquyet.decode import Decoder, Floats
from nghiquyet.documents import Document
from nghiquyet.duplicates import Passages
from nghiquyet.encode import Encoder
from nghiquyet.errors import ConfigError
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import Score
from nghiquyet_training.calibration import Calibration, calibrate
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.data import Splits, load_splits, silver_windows, tagged_windows
from nghiquyet_training.encoder_source import build_encoder, build_model, licence_of, resolve_encoder
from nghiquyet_training.evaluate import evaluate, rows
from nghiquyet_training.licences import obligations
from nghiquyet_training.mentions import with_other_mentions
from nghiquyet_training.package import package_run
from nghiquyet_training.perturb import augmented
from nghiquyet_training.processes import is_first, is_sharded, one_on_each_machine_first, process_count, together
from nghiquyet_training.provenance import describe_files, describe_splits, git_commit, hardware, versions
from nghiquyet_training.settings import expand
from nghiquyet_training.silver import read_silver
from nghiquyet_training.trainer import add_transitions, make_trainer, model_predictor, trained_transitions
from nghiquyet_training.transitions import count_transitions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model with its text side, and its losses and scores by step."""

    model: RobertaForTokenClassification
    encoder: Encoder
    encoder_folder: Path
    history: list[dict[str, float]]
    transitions: list[list[float]]
    """(L, L): how tags follow each other, learnt (`optimizer.chain`) or counted."""

    def predictor(self, config: TrainConfig) -> Predictor:
        """Predicts as the packaged model will, but for its least score."""
        return model_predictor(self.model, self.encoder, config, Decoder(self.transitions))


def fit(
    config: TrainConfig,
    train: Sequence[Document],
    dev: Sequence[Document],
    folder: Path,
    *,
    held_out: Sequence[Document] = (),
    resume: bool = False,
) -> Fitted:
    """Trains on `train`, choosing the epoch on `dev` where there is one. Checkpoints lie in `folder`.

    Silver texts that share a passage with `dev` or `held_out` are left out.
    """
    set_seed(config.seed)
    with one_on_each_machine_first():
        encoder_folder = resolve_encoder(config.encoder.path, config.encoder.revision)
    encoder = build_encoder(encoder_folder, config.encoder.segmenter)
    windows = training_windows(config, train, encoder, [*dev, *held_out])
    model = build_model(encoder_folder, config.encoder, config.seed)
    transitions = count_transitions(train, encoder, config.transition_weight)
    if config.optimizer.chain:
        add_transitions(model, transitions)
    trainer = make_trainer(config, model, windows, encoder, dev, folder)
    log.info("%d documents, %d windows to train on", len(train), len(windows))
    trainer.train(resume_from_checkpoint=_last_checkpoint(folder) if resume else None)
    trainer.take_averages()
    model = trainer.finished_model()
    if learnt := trained_transitions(model):
        transitions = learnt
        del model.transitions  # the decoder's, from here on
    return Fitted(model, encoder, encoder_folder, trainer.state.log_history, transitions)


def training_windows(
    config: TrainConfig, train: Sequence[Document], encoder: Encoder, held_out: Sequence[Document] = ()
) -> Dataset:
    """What an epoch goes through: the gold, its perturbed copies, and the silver data that shares nothing held out."""
    data, pieces = config.data, config.window_pieces or config.encoder.max_pieces
    parts = [tagged_windows(train, encoder, pieces, data.unwritable, data.gold_repeats)]
    if data.augment:
        copies = augmented(train, data.augment, config.seed)
        parts.append(tagged_windows(copies, encoder, pieces, "ignore"))  # `NgaTAG` in capitals has no edge inside
    if data.other_mentions:
        copies = with_other_mentions(train, data.other_mentions, config.seed)
        parts.append(tagged_windows(copies, encoder, pieces, data.unwritable))
    if data.silver:
        parts.append(silver_windows(_unseen_silver(data.silver, held_out), encoder, pieces))
    return concatenate_datasets(parts)


def _unseen_silver(folders: Sequence[str], held_out: Sequence[Document]) -> Iterator[tuple[str, Floats]]:
    passages, left_out = Passages(held_out), 0
    for text, probabilities in (row for folder in folders for row in read_silver(expand(folder))):
        if passages.in_text(text):
            left_out += 1
        else:
            yield text, probabilities
    if left_out:
        log.info("%d silver texts left out: they share a passage with a held-out document", left_out)


def _last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint."""
    whole = [state.parent for state in folder.glob("checkpoint-*/trainer_state.json") if _is_whole(state)]
    return str(max(whole, key=lambda path: int(path.name.rpartition("-")[2]))) if whole else None


def _is_whole(state: Path) -> bool:
    """The trainer writes its state last: where that is JSON to its end, the rest is there."""
    try:
        json.loads(state.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def run(config: TrainConfig, *, resume: bool = False) -> dict[str, dict[str, Score]]:
    """Trains, scores on every held-out part, packages. Returns the scores by part.

    The folder gets: config.yaml, run.json, metrics.json, history.json (loss and scores by step), train.log,
    checkpoints/ while it trains, model/. Of several processes (torchrun, accelerate launch) the first one alone
    writes and scores; the others return no scores.
    """
    output = expand(config.output)
    splits = load_splits(config.data)
    check_folder(output, config, resume)
    check_launch(config, splits)
    with together():
        # Before the run's folder is made: what cannot start leaves none behind.
        with one_on_each_machine_first():
            resolve_encoder(config.encoder.path, config.encoder.revision)
        if is_first():
            return _train_and_package(config, splits, output, resume)
        _fit(config, splits, output, resume)
        return {}


def _fit(config: TrainConfig, splits: Splits, output: Path, resume: bool) -> Fitted:
    tests = [document for part in splits.test.values() for document in part]
    return fit(config, splits.train, splits.dev, output / "checkpoints", held_out=tests, resume=resume)


def finished_metrics(config: TrainConfig) -> dict[str, dict[str, Any]]:
    """The scores of a run by part and label, from its folder; a run that is not finished is begun or gone on with."""
    folder = expand(config.output)
    path = folder / "metrics.json"
    if not path.exists():
        run(config, resume=True)
    elif TrainConfig.load(folder / "config.yaml") != config:
        raise ConfigError(f"{folder} holds a run with other settings (see its config.yaml); name another folder")
    metrics: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return metrics


def _train_and_package(config: TrainConfig, splits: Splits, output: Path, resume: bool) -> dict[str, dict[str, Score]]:
    started = time.time()
    output.mkdir(parents=True, exist_ok=True)
    (output / "config.yaml").write_text(config.dump(), encoding="utf-8")
    with log_to(output / "train.log"):
        fitted = _fit(config, splits, output, resume)
        if warning := obligations(licence_of(config.encoder, fitted.encoder_folder)):
            log.warning(warning)
        predictor = fitted.predictor(config)
        calibration = _calibrate(predictor, splits.dev)
        if calibration:
            predictor.temperature, predictor.min_score = calibration.temperature, calibration.min_score
        parts = {"development": splits.dev, **splits.test}
        scores = {name: evaluate(predictor, documents) for name, documents in parts.items() if documents}
    metrics = {name: rows(each) for name, each in scores.items()}
    data = describe_data(config, splits)
    seconds = round(time.time() - started)
    about = {"commit": git_commit(), "seconds": seconds, "versions": versions(), "data": data}
    write_json(output / "run.json", about)
    write_json(output / "metrics.json", metrics)
    write_json(output / "history.json", fitted.history)
    package_run(
        fitted.model,
        fitted.encoder,
        fitted.encoder_folder,
        config,
        output / "model",
        data=data,
        metrics=metrics,
        calibration=calibration,
        transitions=fitted.transitions,
        footprint={"fine-tuning": f"{seconds} seconds on {hardware()}{in_processes()}"},
    )
    shutil.rmtree(output / "checkpoints")
    return scores


def _calibrate(predictor: Predictor, dev: Sequence[Document]) -> Calibration | None:
    """None without development documents, or where the model finds nothing in them."""
    if not dev:
        return None
    try:
        return calibrate(predictor, dev)
    except ConfigError as error:
        log.warning("scores are not calibrated: %s", error)
        return None


def describe_data(config: TrainConfig, splits: Splits) -> dict[str, Any]:
    """Hashes of the files, and what went where."""
    files = [expand(path) for path in (*config.data.train, *config.data.split, *config.data.test)]
    return {"files": describe_files(files), "parts": describe_splits(splits)}


def check_folder(output: Path, config: TrainConfig, resume: bool) -> None:
    """A folder that holds a finished or another run is an error."""
    begun = output / "config.yaml"
    if (output / "model" / MANIFEST).exists():
        raise ConfigError(f"{output} holds a finished run; for a new one name another folder: --set output=FOLDER")
    if any((output / "checkpoints").glob("checkpoint-*")):
        if not resume:
            raise ConfigError(f"{output} holds a run that was stopped; go on with --resume, or --set output=FOLDER")
        if TrainConfig.load(begun) != config:
            raise ConfigError(
                f"{output} was begun with other settings (see its config.yaml); resume with the same ones"
            )


def in_processes() -> str:
    """For the footprint: among how many processes the work was shared, where there were several."""
    return f", in {process_count()} processes" if process_count() > 1 else ""


def check_launch(config: TrainConfig, splits: Splits) -> None:
    """What FSDP cannot do is an error before anything begins."""
    if not is_sharded():
        return
    if not torch.accelerator.is_available():
        raise ConfigError("FSDP parts a model among GPUs, and there are none here; launch without --use_fsdp")
    if config.optimizer.chain:
        raise ConfigError("FSDP parts the weights of a chain too; train with optimizer.chain=false, or without FSDP")
    if splits.dev:
        raise ConfigError(
            "with FSDP no process has the whole model to evaluate on development documents while training; leave "
            "them out (--set data.dev_tenths=[]) and evaluate the finished model, or train without FSDP"
        )


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """This package's log goes to a file, and its warnings to standard error too."""
    to_file = logging.FileHandler(path, encoding="utf-8")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_people = logging.StreamHandler()
    to_people.setLevel(logging.WARNING)
    package = logging.getLogger("nghiquyet_training")
    package.setLevel(logging.INFO)
    for handler in (to_file, to_people):
        package.addHandler(handler)
    try:
        yield
    finally:
        for handler in (to_file, to_people):
            package.removeHandler(handler)
        to_file.close()


def write_json(path: Path, value: Any) -> None:
    """Indented, Vietnamese letters as they are."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
