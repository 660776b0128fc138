"""Makes silver data: gathers the teachers, checks them on development documents, labels texts."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from nghiquyet.documents import Document
from nghiquyet.duplicates import Passages
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import Score, score
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.corpus import read_texts
from nghiquyet_training.crf import CrfTagger, train_crf
from nghiquyet_training.data import load_splits
from nghiquyet_training.encoder_source import build_encoder, resolve_encoder
from nghiquyet_training.silver import write_silver
from nghiquyet_training.teachers import Teachers


@contextmanager
def gather_teachers(
    models: Sequence[str], config: TrainConfig, train: Sequence[Document], crf_share: float, rules: bool
) -> Iterator[Teachers]:
    """The models, and with a `crf_share` above 0 a CRF trained on `train`."""
    predictors = [Predictor.load(name) for name in models]
    if not crf_share:
        yield Teachers(predictors, rules=rules)
        return
    folder = resolve_encoder(config.encoder.path, config.encoder.revision)
    encoder = build_encoder(folder, config.encoder.segmenter)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "crf"
        train_crf(train, encoder, path)
        with CrfTagger(path, encoder) as crf:
            yield Teachers(predictors, crf, crf_share, rules)


def label_texts(
    texts: Sequence[Path],
    config: TrainConfig,
    models: Sequence[str],
    output: Path,
    *,
    crf_share: float = 0.5,
    rules: bool = True,
    limit: int | None = None,
    resume: bool = False,
) -> tuple[int, dict[str, Score]]:
    """Writes silver data to `output`, each text once.

    Returns the number of words, and the teachers' scores where `config` has a development part.
    """
    splits = load_splits(config.data)
    held_out = [document for part in (splits.dev, *splits.test.values()) for document in part]
    unseen = islice(without(unique(read_texts(texts)), held_out), limit)
    with gather_teachers(models, config, splits.train, crf_share, rules) as teachers:
        scores = score(splits.dev, [teachers.predict(d) for d in splits.dev]) if splits.dev else {}
        return write_silver(output, unseen, teachers, resume=resume), scores


def unique(texts: Iterable[str]) -> Iterator[str]:
    """Each text once, where it first stands."""
    seen: set[int] = set()
    for text in texts:
        if (key := hash(text)) not in seen:
            seen.add(key)
            yield text


def without(texts: Iterable[str], held_out: Iterable[Document]) -> Iterator[str]:
    """`texts` without those that share a passage with a held-out document: its text must not be trained on either."""
    passages = Passages(held_out)
    return (text for text in texts if not passages.in_text(text))
