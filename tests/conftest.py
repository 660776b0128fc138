"""Shared fixtures: a toy vocabulary, a backend that needs no training, the gold, and data that may be absent.

Data that is not the project's own is found by environment variables; tests that need it skip, with the reason,
where it is not there.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nghiquyet.bpe import PhobertBpe
from nghiquyet.documents import Document
from nghiquyet.encode import Encoder
from nghiquyet.label_studio import read_documents
from nghiquyet.labels import LABELS
from nghiquyet.predictor import Predictor
from nghiquyet.segment import SyllableSegmenter

ROOT = Path(__file__).resolve().parent.parent
TINY_ENCODER = ROOT / "tests" / "data" / "tiny-encoder"
ARTICLES = sorted((ROOT / "annotations" / "articles").glob("*.txt"))
GOLD = ROOT / "annotations" / "gold" / "gold.json"


class PieceBackend:
    """Logits that depend on each piece alone: no context, so windows cannot matter. Entities abound."""

    calls = 1
    batch_pieces = 256
    length_step = 0
    is_exact = True

    def __init__(self, vocabulary: int) -> None:
        self.table = np.random.default_rng(0).normal(size=(vocabulary, len(LABELS.tags))).astype(np.float32)

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.table[ids]


def outside_data(variable: str) -> Path:
    """The folder that `variable` names, or a skip."""
    folder = os.environ.get(variable)
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"{variable} names no folder: data that is not the project's own is absent")
    return Path(folder)


@pytest.fixture(scope="session")
def bpe() -> PhobertBpe:
    return PhobertBpe.load(TINY_ENCODER / "vocab.txt", TINY_ENCODER / "bpe.codes")


@pytest.fixture(scope="session")
def encoder(bpe: PhobertBpe) -> Encoder:
    return Encoder(SyllableSegmenter(), bpe)


@pytest.fixture(scope="session")
def predictor(encoder: Encoder) -> Predictor:
    """Finds nonsense, but much of it, and at exact offsets."""
    return Predictor(encoder, PieceBackend(encoder.bpe.size))


@pytest.fixture(scope="session")
def articles() -> list[str]:
    return [path.read_bytes().decode("utf-8") for path in ARTICLES]


@pytest.fixture(scope="session")
def gold() -> list[Document]:
    return read_documents([GOLD])


@pytest.fixture(scope="session")
def corpus_folder() -> Path:
    return outside_data("NGHIQUYET_CORPUS")


@pytest.fixture(scope="session")
def extra_export() -> Path:
    return outside_data("NGHIQUYET_EXTRA") / "label-studio-export.json"


@pytest.fixture(scope="session")
def phobert_vocabulary() -> Path:
    return outside_data("NGHIQUYET_PHOBERT_VOCAB")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packaged checkpoint with random weights, as a run leaves it."""
    from nghiquyet_training.config import EncoderConfig, TrainConfig
    from nghiquyet_training.encoder_source import build_encoder, build_model
    from nghiquyet_training.package import package_run

    folder = tmp_path_factory.mktemp("tiny") / "model"
    encoder_config = EncoderConfig(path=str(TINY_ENCODER), segmenter="syllable", max_pieces=128)
    config = TrainConfig.model_validate(
        {"name": "tiny", "output": str(folder), "encoder": encoder_config.model_dump(), "data": {}}
    )
    model = build_model(TINY_ENCODER, encoder_config, seed=0)
    # A head that starts near zero would call everything the same: spread it, so that there is something to find.
    model.classifier.weight.data.mul_(40)
    encoder = build_encoder(TINY_ENCODER, "syllable")
    package_run(model, encoder, TINY_ENCODER, config, folder, data={}, metrics={})
    return folder


@pytest.fixture(scope="session")
def tiny_onnx(tiny_model: Path, articles: list[str]) -> Path:
    """The same, exported to ONNX in fp32."""
    from nghiquyet_training.export import export

    output = tiny_model.parent / "onnx"
    export(tiny_model, output, articles[:1], int8=False)
    return output


@pytest.fixture(scope="session")
def tiny_int8(tiny_model: Path, articles: list[str]) -> Path:
    """The same in int8."""
    from nghiquyet_training.export import Bounds, export

    output = tiny_model.parent / "int8"
    export(tiny_model, output, articles[:1], int8=True, bounds=Bounds(f1=1.0, labels=1.0))
    return output
