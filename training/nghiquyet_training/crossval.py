"""Leave one document out: each document is predicted by a model that was trained on all the others."""

import shutil
from pathlib import Path

from rich.progress import track

from nghiquyet.documents import Document
from nghiquyet.errors import ConfigError
from nghiquyet.label_studio import read_documents
from nghiquyet.scoring import Score, score
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.run import fit
from nghiquyet_training.settings import expand
from nghiquyet_training.trainer import model_predictor, predict_documents


def leave_one_out(config: TrainConfig) -> tuple[list[Document], list[Document]]:
    """Gold and pooled predictions over the documents of `data.train`.

    No document chooses an epoch: each fold trains to its end, so the held-out text is looked at once.
    """
    documents = read_documents(expand(path) for path in config.data.train)
    if len(documents) < 2:
        raise ConfigError(f"data.train holds {len(documents)} documents; leaving one out needs two at least")
    predicted = []
    for i, held_out in enumerate(track(documents, "folds")):
        fold = expand(config.output) / f"fold-{i}"
        fitted = fit(config, documents[:i] + documents[i + 1 :], [], fold)
        predicted += predict_documents(model_predictor(fitted.model, fitted.encoder, config), [held_out])
        shutil.rmtree(fold)
    return documents, predicted


def crossval(config: TrainConfig) -> dict[str, Score]:
    """Pooled scores with intervals over documents; predictions go to `predictions.jsonl` in the output folder."""
    gold, predicted = leave_one_out(config)
    _write_predictions(expand(config.output) / "predictions.jsonl", predicted)
    return score(gold, predicted)


def _write_predictions(path: Path, documents: list[Document]) -> None:
    from nghiquyet.render import to_jsonl

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{to_jsonl(document)}\n" for document in documents), encoding="utf-8")
