"""What a user would have instead: a linear-chain CRF on the same splits, and underthesea's own NER.

    NGHIQUYET_EXTRA=FOLDER python scripts/baselines.py configs/compact.yaml --part dev
    NGHIQUYET_EXTRA=FOLDER python scripts/baselines.py configs/compact-unseen-articles.yaml --part gold

The CRF is trained on what the configuration trains on, over the same words. It has no seed: the same data give the
same model. underthesea knows persons and organisations only, by a convention of its own; it is shown for these two.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nghiquyet.console import reported
from nghiquyet.documents import Document, Entity
from nghiquyet.label_studio import read_documents
from nghiquyet.normalize import iter_lines
from nghiquyet.scoring import score
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.crf import crf_documents
from nghiquyet_training.data import load_splits
from nghiquyet_training.encoder_source import build_encoder, resolve_encoder
from nghiquyet_training.evaluate import score_table

LABEL_OF = {"PER": "PERSON", "ORG": "ORG"}


def place(word: str, line: str, position: int) -> tuple[int, int] | None:
    """Where the syllables of `word` stand in `line`, one after the other from `position` on."""
    ends = [position]
    for syllable in word.split():
        found = line.find(syllable, ends[-1])
        if found < 0:
            return None
        ends.append(found + len(syllable))
    return (ends[1] - len(word.split()[0]), ends[-1]) if len(ends) > 1 else None


def underthesea_document(document: Document) -> Document:
    """The document with the persons and organisations that underthesea finds, at their places in the source."""
    from underthesea import ner

    entities: list[Entity] = []
    for line in iter_lines(document.text):
        position = 0
        for word, _, _, tag in ner(line.text):
            if (found := place(word, line.text, position)) is None:
                continue  # underthesea changed the word
            position = found[1]
            if label := LABEL_OF.get(tag[2:]):
                start, end = line.source_span(*found)
                if tag.startswith("I-") and entities and entities[-1].label == label:
                    start = entities.pop().start
                entities.append(Entity.of(document.text, start, end, label))
    return Document(document.id, document.text, tuple(entities))


@reported()
def main(
    config: Annotated[Path, typer.Argument(help="A training configuration")],
    part: Annotated[str, typer.Option(help="dev, test (the test tenth), or the name of an export in data.test")],
    overrides: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
    of: Annotated[Path | None, typer.Option(help="Only the documents of this export")] = None,
) -> None:
    """Prints the scores of both baselines on one part of the data."""
    settings = TrainConfig.load(config, overrides or [])
    splits = load_splits(settings.data)
    parts = {"dev": splits.dev, "test": splits.test.get("test tenth", []), **splits.test}
    if not (gold := parts.get(part)):
        raise typer.BadParameter(f"no documents in part {part!r}; there are: {', '.join(filter(parts.get, parts))}")
    if of:
        wanted = {document.id for document in read_documents([of])}
        gold = [document for document in gold if document.id in wanted]
    folder = resolve_encoder(settings.encoder.path, settings.encoder.revision)
    encoder = build_encoder(folder, settings.encoder.segmenter)
    console = Console()
    console.print(score_table(score(gold, crf_documents(splits.train, gold, encoder)), f"CRF on {part}"))
    console.print(score_table(score(gold, [underthesea_document(d) for d in gold]), f"underthesea's NER on {part}"))


if __name__ == "__main__":
    typer.run(main)
