"""Our BPE against transformers' own PhobertTokenizer."""

import json
import lzma
import time
from pathlib import Path

import pytest
from transformers import PhobertTokenizer

from nghiquyet.bpe import CONTROL, UNK_ID, PhobertBpe
from nghiquyet.encode import Encoder, word_form
from nghiquyet.errors import ArtefactError
from nghiquyet.normalize import iter_lines
from nghiquyet.segment import SEGMENTERS, SyllableSegmenter, load_segmenter
from tests.conftest import TINY_ENCODER


def forms(texts: list[str], segmenter: str) -> list[str]:
    """The distinct word forms of `texts`, in order of appearance."""
    words = load_segmenter(segmenter)
    found = (
        word_form(line.text[a:b]) for text in texts for line in iter_lines(text) for a, b in words.segment(line.text)
    )
    return list(dict.fromkeys(found))


def assert_identical(folder: Path, words: list[str]) -> None:
    ours = PhobertBpe.load(folder / "vocab.txt", folder / "bpe.codes")
    theirs = PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))
    assert ours.size == len(theirs)
    for word in words:
        expected = theirs.convert_tokens_to_ids(theirs.bpe(word).split(" "))
        assert list(ours.ids(word)) == expected, word


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_identical_on_every_word_of_the_articles(articles: list[str], segmenter: str) -> None:
    assert_identical(TINY_ENCODER, forms(articles, segmenter))


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_identical_with_the_real_vocabulary(articles: list[str], segmenter: str, phobert_vocabulary: Path) -> None:
    assert_identical(phobert_vocabulary, forms(articles, segmenter))


def test_identical_on_ten_thousand_words_of_the_corpus(corpus_folder: Path, phobert_vocabulary: Path) -> None:
    texts = []
    with lzma.open(corpus_folder / "politics.jsonl.xz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(next(lines))["text"] for _ in range(1500)]
    words = forms(texts, "syllable")[:10_000]
    assert len(words) == 10_000
    assert_identical(TINY_ENCODER, words)
    assert_identical(phobert_vocabulary, words)


def test_tricky_words_are_identical_too() -> None:
    assert_identical(
        TINY_ENCODER, ["a", "Đ", "👍", "日本", "aaaaaaaa", "Huyện_uỷ", "@@", "_", "a@@", "ủy", "\u0301", "…"]
    )


@pytest.mark.parametrize("control", CONTROL)
def test_control_tokens_in_text_stay_text(bpe: PhobertBpe, control: str) -> None:
    specials = {0, 1, 2, bpe.mask_id}
    assert not specials & set(bpe.ids(control))
    encoded = Encoder(SyllableSegmenter(), bpe).encode(f"a {control} b")
    assert not specials & {piece for pieces in encoded.pieces for piece in pieces}


def test_the_cache_is_bounded_and_does_not_change_the_answer(encoder: Encoder) -> None:
    assert encoder.piece_ids.cache_info().maxsize == 1 << 16
    assert encoder.piece_ids("Huyện  ủy") == encoder.bpe.ids("Huyện_uỷ") == encoder.piece_ids("Huyện  ủy")


def test_what_is_not_in_the_alphabet_is_unknown(bpe: PhobertBpe) -> None:
    assert bpe.ids("ლ") == (UNK_ID,)


def test_a_long_run_costs_in_proportion_to_its_length(encoder: Encoder) -> None:
    # Not a benchmark: a quadratic merge takes minutes here, the bounded words a fraction of a second.
    started = time.monotonic()
    run = "".join(chr(0x1E00 + i % 250) + "nghieng"[i % 7] for i in range(160_000))
    encoded = encoder.encode(run)
    assert encoded.spans[0][0] == 0
    assert encoded.spans[-1][1] == len(run)
    assert max(end - start for start, end in encoded.spans) <= 100
    assert time.monotonic() - started < 60


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("a 1\na 2\n", encoding="utf-8")
    (tmp_path / "bpe.codes").write_text("only-one\n", encoding="utf-8")
    with pytest.raises(ArtefactError, match="twice"):
        PhobertBpe.load(tmp_path / "vocab.txt", tmp_path / "bpe.codes")
    (tmp_path / "vocab.txt").write_text("a 1\n", encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"bpe\.codes:1"):
        PhobertBpe.load(tmp_path / "vocab.txt", tmp_path / "bpe.codes")
