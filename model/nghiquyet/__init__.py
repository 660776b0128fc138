"""Vietnamese named entities with exact offsets: ORG, PERSON, RESOLUTION, METRIC.

>>> from nghiquyet import predict
>>> for entity in predict("Bí thư Huyện ủy Thanh Oai Bùi Hoàng Phan phát biểu."):
...     print(entity.start, entity.end, entity.label, entity.text)
"""

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


def __getattr__(name: str) -> str:
    """`__version__`, read only when asked for: looking up the metadata is a tenth of the import."""
    if name == "__version__":
        from importlib.metadata import version

        return version("nghiquyet")
    raise AttributeError(f"module 'nghiquyet' has no attribute {name!r}")
