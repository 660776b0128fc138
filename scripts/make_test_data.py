"""Makes tests/data: a toy vocabulary of the five articles and a tiny encoder with random weights.

    python scripts/make_test_data.py

The result is committed; run this again only when the file formats change: merges that are equally frequent may come in
another order each time.
"""

from pathlib import Path

import torch
from transformers import RobertaForMaskedLM

from nghiquyet.bpe import PhobertBpe
from nghiquyet.segment import SyllableSegmenter
from nghiquyet_training.package import save_model
from nghiquyet_training.pretrain import encoder_config
from nghiquyet_training.pretrain_config import Shape
from nghiquyet_training.vocab import count_words, train_vocab, write_vocab

ROOT = Path(__file__).resolve().parent.parent
TINY = Shape(layers=1, width=32, heads=2, feed_forward=64)
PIECES = 1200


def main() -> None:
    """Writes tests/data/tiny-encoder."""
    folder = ROOT / "tests" / "data" / "tiny-encoder"
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "annotations" / "articles").glob("*.txt"))]
    counts = count_words(texts, SyllableSegmenter(), 10**9)
    write_vocab(folder, *train_vocab(counts, PIECES), counts)
    torch.manual_seed(0)
    config = encoder_config(TINY, PhobertBpe.load(folder / "vocab.txt", folder / "bpe.codes").size)
    model = RobertaForMaskedLM(config)
    save_model(model, folder)


if __name__ == "__main__":
    main()
