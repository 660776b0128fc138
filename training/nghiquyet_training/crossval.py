"""Leave one document out: each document is predicted by a model that was trained on all the others."""

import shutil

from rich.progress import track

from nghiquyet.documents import Document
from nghiquyet.errors import ConfigError
from nghiquyet.render import to_jsonl
from nghiquyet.scoring import Score, score
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.data import Splits, load_splits
from nghiquyet_training.evaluate import rows
from nghiquyet_training.processes import process_count
from nghiquyet_training.provenance import git_commit, versions
from nghiquyet_training.run import describe_data, fit, write_json
from nghiquyet_training.settings import expand
from nghiquyet_training.trainer import predict_documents


def leave_one_out(config: TrainConfig) -> tuple[list[Document], list[Document]]:
    """Gold and pooled predictions over the documents of `data.train`.

    No document chooses an epoch: each fold trains to its end, so the held-out text is looked at once.
    """
    if config.data.split or config.data.test:
        raise ConfigError("crossval leaves out documents of data.train; set data.split=[] and data.test=[]")
    if process_count() > 1:
        raise ConfigError("crossval trains its folds one after the other in one process; start it without a launcher")
    documents = load_splits(config.data).train
    if len(documents) < 2:
        raise ConfigError(f"data.train holds {len(documents)} documents; leaving one out needs two at least")
    predicted = []
    for i, held_out in enumerate(track(documents, "folds")):
        fold = expand(config.output) / f"fold-{i}"
        fitted = fit(config, documents[:i] + documents[i + 1 :], [], fold, held_out=[held_out])
        predicted += predict_documents(fitted.predictor(config), [held_out])
        shutil.rmtree(fold)
    return documents, predicted


def crossval(config: TrainConfig) -> dict[str, Score]:
    """Pooled scores with intervals over documents.

    The output folder gets config.yaml, predictions.jsonl, metrics.json and run.json.
    """
    output = expand(config.output)
    gold, predicted = leave_one_out(config)
    scores = score(gold, predicted)
    (output / "config.yaml").write_text(config.dump(), encoding="utf-8")
    lines = "".join(f"{to_jsonl(document)}\n" for document in predicted)
    (output / "predictions.jsonl").write_text(lines, encoding="utf-8")
    write_json(output / "metrics.json", rows(scores))
    data = describe_data(config, Splits(gold))
    write_json(output / "run.json", {"commit": git_commit(), "versions": versions(), "data": data})
    return scores
