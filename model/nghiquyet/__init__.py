"""Vietnamese named entities with exact offsets: ORG, PERSON, RESOLUTION, METRIC.

>>> from nghiquyet import predict
>>> for entity in predict("Bí thư Huyện ủy Thanh Oai Bùi Hoàng Phan phát biểu."):
...     print(entity.start, entity.end, entity.label, entity.text)
"""

from typing import TYPE_CHECKING, Any

from nghiquyet.documents import Document, Entity, Span
from nghiquyet.errors import (
    AnnotationError,
    ArtefactError,
    ConfigError,
    InputError,
    MissingExtraError,
    NghiquyetError,
)
from nghiquyet.labels import LABELS, Label, LabelSet

if TYPE_CHECKING:
    from nghiquyet.predictor import Predictor, predict, predict_batch

__all__ = [
    "LABELS",
    "AnnotationError",
    "ArtefactError",
    "ConfigError",
    "Document",
    "Entity",
    "InputError",
    "Label",
    "LabelSet",
    "MissingExtraError",
    "NghiquyetError",
    "Predictor",
    "Span",
    "predict",
    "predict_batch",
]


_PREDICTING = ("Predictor", "predict", "predict_batch")


def __getattr__(name: str) -> Any:
    """What predicts, and `__version__`, are looked up when asked for: numpy and the metadata are most of the import."""
    if name in _PREDICTING:
        from nghiquyet import predictor

        return getattr(predictor, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("nghiquyet")
    raise AttributeError(f"module 'nghiquyet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
