"""Several trained models as one of the same size and speed: the mean of their weights (Wortsman et al. 2022).

It pays where all were fine-tuned from the same model; from a bare encoder, two end too far apart.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save_file
from torch import Tensor

from nghiquyet.artefact import Artefact, open_artefact
from nghiquyet.errors import ConfigError
from nghiquyet_training.checkpoint import SAFE
from nghiquyet_training.package import VOCABULARY, finish_artefact


def average(models: Sequence[Path], output: Path) -> None:
    """Writes the mean of the checkpoints to the new folder `output`; it is not calibrated, nor scored.

    ConfigError where the models are not of one shape, vocabulary and segmenter.
    """
    if len(models) < 2:
        raise ConfigError(f"got {len(models)} model; needed two at least to average")
    if output.exists():
        raise ConfigError(f"{output} exists already; name a folder that does not")
    artefacts = [open_artefact(model) for model in models]
    first = artefacts[0]
    weights = [load_file(artefact.file(SAFE)) for artefact in artefacts]
    for artefact, tensors in zip(artefacts[1:], weights[1:], strict=True):
        _check_alike(first, artefact, weights[0], tensors)
    output.mkdir(parents=True)
    for name in ("config.json", *VOCABULARY):
        shutil.copyfile(first.folder / name, output / name)
    means = {name: _mean([tensors[name] for tensors in weights]) for name in weights[0]}
    save_file(means, output / SAFE, {"format": "pt"})
    manifest = replace(first.manifest, temperature=1.0, min_score=0.0, operating_points=(), metrics={}, failures={})
    footprints = {f"model {n}": dict(a.manifest.footprint) for n, a in enumerate(artefacts, start=1)}
    base = {**manifest.base, "mean of the weights": f"{len(models)} runs"}
    finish_artefact(output, replace(manifest, transitions=_transitions(artefacts), base=base, footprint=footprints))


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    total = sum((tensor.float() for tensor in tensors[1:]), tensors[0].float())
    return (total / len(tensors)).to(tensors[0].dtype)


def _transitions(artefacts: Sequence[Artefact]) -> list[list[float]] | None:
    """The mean of the models' own; None where one has none."""
    given = [artefact.manifest.transitions for artefact in artefacts]
    if any(each is None for each in given):
        return None
    return [[round(float(value), 4) for value in row] for row in np.mean(np.array(given, dtype=np.float64), axis=0)]


def _check_alike(first: Artefact, other: Artefact, a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    texts = [(x.manifest.segmenter, *(x.manifest.files.get(name) for name in VOCABULARY)) for x in (first, other)]
    if texts[0] != texts[1]:
        raise ConfigError(f"{first.folder} and {other.folder} read words or pieces of their own: nothing to average")
    if {name: tensor.shape for name, tensor in a.items()} != {name: tensor.shape for name, tensor in b.items()}:
        raise ConfigError(f"{first.folder} and {other.folder} are not of one shape: nothing to average")
