"""Vocabulary, masking and pretraining on the five articles."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import RobertaForMaskedLM

from nghiquyet.bpe import UNK_ID, PhobertBpe
from nghiquyet.encode import Encoder
from nghiquyet.errors import ConfigError, InputError
from nghiquyet.segment import SyllableSegmenter
from nghiquyet_training.config import EncoderConfig
from nghiquyet_training.corpus import document_ids, encode_corpus, read_texts
from nghiquyet_training.encoder_source import build_model
from nghiquyet_training.masking import mask_batch
from nghiquyet_training.objectives import draw, piece_logits
from nghiquyet_training.pretrain import Pretraining, pretrain, rate_factor
from nghiquyet_training.pretrain_config import PretrainConfig
from nghiquyet_training.spelling import SHAPES, read_pieces, shape
from nghiquyet_training.vocab import count_words, train_vocab, write_vocab
from tests.conftest import ARTICLES, TINY_ENCODER


def settings(output: Path, **more: object) -> PretrainConfig:
    values = {
        "vocab": str(TINY_ENCODER),
        "files": [str(path) for path in ARTICLES],
        "output": str(output),
        "shape": {"layers": 1, "width": 32, "heads": 2, "feed_forward": 64},
        "block": 32,
        "batch": 8,
        "bf16": False,
        "learning_rate": 5e-3,
        "pieces": 6000,
    }
    return PretrainConfig.model_validate(values | more)


def test_a_vocabulary_is_written_in_phoberts_format_and_covers_its_words(articles: list[str], tmp_path: Path) -> None:
    counts = count_words(articles, SyllableSegmenter(), 10**9)
    write_vocab(tmp_path, *train_vocab(counts, 800), counts)
    bpe = PhobertBpe.load(tmp_path / "vocab.txt", tmp_path / "bpe.codes")
    assert 700 < bpe.size <= 805
    assert all(UNK_ID not in bpe.ids(form) for form in counts)
    assert "uỷ" in counts  # the articles write both `ủy` and `uỷ`
    assert "ủy" not in counts
    frequencies = [int(line.rsplit(" ", 1)[1]) for line in (tmp_path / "vocab.txt").read_text("utf-8").splitlines()]
    assert frequencies == sorted(frequencies, reverse=True)


def test_no_words_no_vocabulary() -> None:
    with pytest.raises(InputError, match="no words"):
        train_vocab(count_words([" "], SyllableSegmenter(), 10), 800)


def test_masking_hides_what_it_should() -> None:
    ids = torch.randint(UNK_ID + 1, 900, (64, 128), generator=torch.Generator().manual_seed(0))
    ids[:, 0] = 0
    batch = mask_batch(ids, 0.15, 999, torch.Generator().manual_seed(1))
    assert batch.targets.tolist() == ids[batch.chosen].tolist()
    assert not batch.chosen[:, 0].any()
    assert torch.equal(batch.inputs[~batch.chosen], ids[~batch.chosen])
    assert batch.chosen.float().mean().item() == pytest.approx(0.15, abs=0.01)
    hidden = batch.inputs[batch.chosen]
    assert (hidden == 999).float().mean().item() == pytest.approx(0.8, abs=0.03)
    assert (hidden == batch.targets).float().mean().item() == pytest.approx(0.1, abs=0.03)


def test_words_are_hidden_whole() -> None:
    randomness = torch.Generator().manual_seed(0)
    goes_on = torch.rand(1000, generator=randomness) < 0.5
    goes_on[:4] = False
    ids = torch.randint(UNK_ID + 1, 999, (64, 128), generator=randomness)
    ids[:, 0] = 0
    chosen = mask_batch(ids, 0.15, 999, randomness, goes_on).chosen
    same_word = goes_on[ids[:, :-1]]
    assert torch.equal(chosen[:, 1:][same_word], chosen[:, :-1][same_word])
    assert (chosen[:, 1:] != chosen[:, :-1])[~same_word].any()
    assert chosen.float().mean().item() == pytest.approx(0.15, abs=0.02)


def test_whole_words_are_for_masking_alone() -> None:
    values = {"vocab": "v", "files": ["f"], "output": "o", "whole_words": True}
    assert PretrainConfig.model_validate(values).generator is None
    with pytest.raises(ValueError, match="leave it out, or generator"):
        PretrainConfig.model_validate(values | {"generator": "g"})


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [rate_factor(step, 100, 0.1, 0.4) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[20:60] == [1.0] * 40
    assert rates[60:] == sorted(rates[60:], reverse=True)
    assert rates[99] == pytest.approx(0.025)


def test_pretraining_learns_and_leaves_an_encoder(tmp_path: Path) -> None:
    folder, losses = pretrain(settings(tmp_path / "out"), resume=False)
    assert losses["mlm"] < 6.8  # the uniform guess is ln 1204 = 7.1
    model = RobertaForMaskedLM.from_pretrained(folder)
    assert model.config.max_position_embeddings == 258
    assert (folder / "vocab.txt").read_bytes() == (TINY_ENCODER / "vocab.txt").read_bytes()
    with pytest.raises(ConfigError, match="--resume"):
        pretrain(settings(tmp_path / "out"), resume=False)


def test_a_stopped_pretraining_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    Pretraining(settings(tmp_path / "whole")).run()
    half = Pretraining(settings(tmp_path / "broken"))
    for ids in half.batches():
        half.train_step(ids)
        if half.step == half.steps // 2:
            break
    half.save_checkpoint()
    (tmp_path / "broken" / "config.yaml").write_text(half.config.dump(), encoding="utf-8")
    with pytest.raises(ConfigError, match="other settings"):
        pretrain(settings(tmp_path / "broken", seed=7), resume=True)
    pretrain(settings(tmp_path / "broken"), resume=True)
    whole, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_going_on_from_an_encoder_needs_the_same_shape(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needed"):
        Pretraining(settings(tmp_path, init=str(TINY_ENCODER), shape={"layers": 1, "width": 16, "heads": 2}))
    with pytest.raises(ValueError, match="not a multiple"):
        settings(tmp_path, shape={"width": 30, "heads": 4})
    with pytest.raises(ConfigError, match=r"lacks vocab\.txt; make a vocabulary first"):
        Pretraining(settings(tmp_path, vocab=str(tmp_path / "none")))
    assert Pretraining(settings(tmp_path, init=str(TINY_ENCODER))).steps > 1


def test_a_run_does_not_go_on_with_another_vocabulary(tmp_path: Path) -> None:
    vocab = tmp_path / "run"  # where a vocabulary was made, a run may follow
    vocab.mkdir()
    for name in ("vocab.txt", "bpe.codes"):
        shutil.copy(TINY_ENCODER / name, vocab / name)
    config = settings(tmp_path / "run", vocab=str(tmp_path / "run"), pieces=512)
    pretrain(config, resume=False)
    other = tmp_path / "other"
    shutil.copytree(TINY_ENCODER, other)
    (other / "vocab.txt").write_text("\n".join(reversed((other / "vocab.txt").read_text("utf-8").splitlines())))
    config = settings(tmp_path / "second", vocab=str(other), pieces=512)
    pretrain(config, resume=False)
    shutil.copy(TINY_ENCODER / "vocab.txt", other / "vocab.txt")
    with pytest.raises(ConfigError, match=r"vocab.txt is not what .* was begun with"):
        pretrain(config, resume=True)


def test_a_file_that_grew_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    blocks = []
    for times in (1, 4):
        file.write_text(ARTICLES[0].read_text("utf-8") * times, encoding="utf-8")
        blocks.append(len(Pretraining(settings(tmp_path / "run", files=[str(file)])).blocks))
    assert blocks[1] > 3 * blocks[0]


def test_too_little_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("một hai", encoding="utf-8")
    with pytest.raises(ConfigError, match="one block needs 31"):
        Pretraining(settings(tmp_path / "out", files=[str(tmp_path / "a.txt")]))


def test_texts_are_read_from_each_kind_of_file(tmp_path: Path) -> None:
    import lzma

    (tmp_path / "a.txt").write_text("một", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"text": "hai"}\n', encoding="utf-8")
    with lzma.open(tmp_path / "c.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write('{"text": "ba"}\n')
    assert list(read_texts(tmp_path / name for name in ("a.txt", "b.jsonl", "c.jsonl.xz"))) == ["một", "hai", "ba"]
    (tmp_path / "bad.jsonl").write_text("{}\n", encoding="utf-8")
    for bad, message in (("bad.jsonl", "no string under 'text'"), ("none.txt", "no such"), ("a.csv", "cannot read")):
        (tmp_path / "a.csv").touch()
        with pytest.raises(InputError, match=message):
            list(read_texts([tmp_path / bad]))


def test_the_corpus_array_holds_lines(encoder: Encoder) -> None:
    texts = ["Thị ủy\nHuyện ủy", "Đảng bộ"]
    ids = encode_corpus(texts, TINY_ENCODER, "syllable")
    assert ids.tolist() == [piece for text in texts for piece in document_ids(text, encoder)]
    assert (ids == 2).sum() == 3
    assert ids[-1] == 2


def test_more_pieces_than_the_files_hold_are_further_passes(tmp_path: Path) -> None:
    run = Pretraining(settings(tmp_path, pieces=40_000))
    batches = [ids[:, 1:] for ids in run.batches()]
    assert len(batches) == run.steps == 40_000 // (8 * 32)
    a_pass = len(run.blocks) // 8
    assert 1 < a_pass < run.steps // 2
    first, second = (torch.cat(batches[i * a_pass : (i + 1) * a_pass]) for i in (0, 1))
    assert not torch.equal(first, second)
    rows = [{tuple(row) for row in each.tolist()} for each in (first, second)]
    assert len(rows[0] & rows[1]) > 0.9 * len(rows[0]) - 8


def test_replaced_pieces_are_found_and_named(tmp_path: Path) -> None:
    run = Pretraining(settings(tmp_path, init=str(TINY_ENCODER), generator=str(TINY_ENCODER)))
    frozen = {name: value.clone() for name, value in run.objective.generator.named_parameters()}
    first = run.train_step(next(run.batches()))
    last = run.run()
    assert last["rtd"] < first["rtd"]
    assert last["mlm"] < first["mlm"]
    assert all(torch.equal(frozen[name], value) for name, value in run.objective.generator.named_parameters())
    again = Pretraining(settings(tmp_path, init=str(TINY_ENCODER), generator=str(TINY_ENCODER)))
    assert again.resume()
    assert torch.equal(run.objective.detector[0].weight, again.objective.detector[0].weight)
    assert json.loads((tmp_path / "pretraining.json").read_text())["losses"].keys() == {"rtd", "mlm"}


def test_pieces_share_their_spelling_and_the_encoder_is_a_plain_one(tmp_path: Path) -> None:
    run = Pretraining(settings(tmp_path, init=str(TINY_ENCODER), share_spelling=True))
    embedding = run.model.roberta.embeddings.word_embeddings
    before = load_file(TINY_ENCODER / "model.safetensors")["roberta.embeddings.word_embeddings.weight"].float()
    pieces = read_pieces(TINY_ENCODER / "vocab.txt")
    title = next(i for i, piece in enumerate(pieces) if shape(piece) == SHAPES.index("title")) + 4
    lower = next(i for i, piece in enumerate(pieces) if shape(piece) == SHAPES.index("lower")) + 4
    moved = (embedding.weight - before).norm(dim=1)
    assert moved[title].item() == pytest.approx(1.0, abs=1e-3)
    assert moved[lower].item() == pytest.approx(0.0, abs=1e-3)
    losses = run.run()
    assert losses["mlm"] < 6.8
    saved = RobertaForMaskedLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    ids = next(run.batches(), torch.randint(4, 900, (2, 32)))
    with torch.no_grad():
        ours = piece_logits(run.model.eval(), run.model.roberta(ids)[0])
        assert saved(ids).logits == pytest.approx(ours, abs=0.02)  # fp16 weights
    again = Pretraining(settings(tmp_path, init=str(TINY_ENCODER), share_spelling=True))
    assert again.resume()
    assert torch.equal(again.model.roberta.embeddings.word_embeddings.weight, embedding.weight)


def test_capitals_are_parted_when_fine_tuning_begins() -> None:
    config = EncoderConfig(path=str(TINY_ENCODER), segmenter="syllable", max_pieces=128)
    plain, parted = (
        build_model(TINY_ENCODER, config.model_copy(update={"part_capitals": length}), seed=0) for length in (0.0, 2.0)
    )
    moved = parted.roberta.embeddings.word_embeddings.weight - plain.roberta.embeddings.word_embeddings.weight
    pieces = read_pieces(TINY_ENCODER / "vocab.txt")
    lengths = moved.norm(dim=1)[4 : 4 + len(pieces)]
    expected = [0.0 if SHAPES[shape(piece)] in ("lower", "other") else 2.0 for piece in pieces]
    assert lengths.tolist() == pytest.approx(expected, abs=1e-3)
    assert not moved[:4].any()


@pytest.mark.parametrize(
    ("piece", "name"),
    [("Nhân", "title"), ("nhân", "lower"), ("NH@@", "upper"), ("P", "one capital"), ("17.792", "number"),
     ("...", "other"), ("@@", "other"), ("hU@@", "lower")],
)  # fmt: skip
def test_shapes_of_pieces(piece: str, name: str) -> None:
    assert SHAPES[shape(piece)] == name


def test_the_generators_guesses_follow_its_probabilities() -> None:
    likely = torch.tensor([[0.7, 0.2, 0.1]]).expand(20_000, 3)
    drawn = draw(likely, torch.Generator().manual_seed(0))
    assert torch.bincount(drawn).div(20_000).tolist() == pytest.approx([0.7, 0.2, 0.1], abs=0.015)
