"""A model's entities as Label Studio predictions, filed under a version that names the very model."""

from collections.abc import Sequence
from typing import Any

from nghiquyet.artefact import Artefact
from nghiquyet.backends import ONNX_FILE, TORCH_FILE
from nghiquyet.documents import Entity
from nghiquyet_annotations.marked import regions

HASH_DIGITS = 12  # of the weights' SHA-256; enough that two models never share a version


def model_version(artefact: Artefact) -> str:
    """The name of a model and the beginning of its weights' SHA-256, as in `compact-9f2c61d0a4be`."""
    files = artefact.manifest.files
    return f"{artefact.manifest.name}-{files.get(ONNX_FILE, files.get(TORCH_FILE, ''))[:HASH_DIGITS]}"


def prediction(entities: Sequence[Entity], version: str) -> dict[str, Any]:
    """One prediction; its score is that of its least certain span, 1.0 where there is none."""
    result = [
        {**region, "origin": "prediction", "score": round(entity.score, 4)}
        for region, entity in zip(regions(tuple(entities)), entities, strict=True)
    ]
    return {"model_version": version, "score": min((r["score"] for r in result), default=1.0), "result": result}
