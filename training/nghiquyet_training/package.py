"""Assembles a model folder: weights, vocabulary, manifest and card."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from transformers import PreTrainedModel, RobertaForTokenClassification

from nghiquyet.artefact import Manifest, sha256, write_manifest
from nghiquyet.backends import FILES
from nghiquyet.encode import Encoder
from nghiquyet.labels import LABELS
from nghiquyet_training.calibration import Calibration, operating_points
from nghiquyet_training.card import CARD, model_card
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.encoder_source import commit_of, licence_of
from nghiquyet_training.provenance import versions

VOCABULARY = ("vocab.txt", "bpe.codes")
HASHED = (*dict.fromkeys(name for names in FILES.values() for name in names), *VOCABULARY)


def save_model(model: PreTrainedModel, folder: Path) -> None:
    """`config.json` and `model.safetensors` as transformers and the Hub have them; weights in fp16."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().half().contiguous() for name, value in model.named_parameters()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = model.config.to_dict() | {
        "architectures": [type(model).__name__],
        "dtype": "float16",
        "tokenizer_class": "PhobertTokenizer",
    }
    config.pop("_name_or_path", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def finish_artefact(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest, with the hashes of the files that are there, and the card."""
    hashes = {name: sha256(folder / name) for name in HASHED if (folder / name).is_file()}
    manifest = replace(manifest, files=hashes)
    (folder / CARD).write_text(model_card(manifest), encoding="utf-8")
    write_manifest(folder, manifest)  # last: a folder with a manifest is whole


def _base(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """The encoder's name, and for one that this project pretrained, on how much text."""
    path = config.encoder.path
    base: dict[str, Any] = {"encoder": Path(path).name if path.startswith(("/", "$")) else path}
    if commit := commit_of(folder):
        base["commit"] = commit
    about = folder / "pretraining.json"
    if about.is_file():
        runs = [json.loads(about.read_text(encoding="utf-8"))]
        while before := runs[-1].get("goes_on_from"):
            runs.append(before)
        base["pieces seen in pretraining"] = sum(run["pieces_seen"] for run in runs)
        base["pretraining loss"] = runs[0].get("losses", runs[0].get("loss"))
    return base


def package_run(
    model: RobertaForTokenClassification,
    encoder: Encoder,
    encoder_folder: Path,
    config: TrainConfig,
    folder: Path,
    *,
    data: Mapping[str, Any],
    metrics: Mapping[str, Any],
    calibration: Calibration | None = None,
    transitions: Sequence[Sequence[float]] | None = None,
    footprint: Mapping[str, Any] | None = None,
) -> None:
    """The artefact of a finished run, ready for `Predictor.load`."""
    save_model(model, folder)
    for name in VOCABULARY:
        shutil.copyfile(encoder_folder / name, folder / name)
    manifest = Manifest(
        name=config.name,
        labels=LABELS.tags,
        segmenter=encoder.segmenter.name,
        segmenter_version=encoder.segmenter.version,
        max_pieces=config.encoder.max_pieces,
        files={},
        licence=licence_of(config.encoder, encoder_folder),
        transitions=transitions,
        base=_base(config, encoder_folder),
        data={**data, "notes": config.notes},
        metrics=metrics,
        footprint=footprint or {},
        versions=versions(),
    )
    finish_artefact(folder, calibrated(manifest, calibration) if calibration else manifest)


def calibrated(manifest: Manifest, calibration: Calibration) -> Manifest:
    """The manifest with a temperature, a least score, and what other least scores bring."""
    return replace(
        manifest,
        temperature=round(calibration.temperature, 4),
        min_score=calibration.min_score,
        operating_points=operating_points(calibration.after),
    )
