"""PhoBERT itself, but for its weights: its real vocabulary, and its full size in the layout of the Hub.

Where the vocabulary is not there, the tiny encoder's stands in: all but the embeddings is then of full size.
"""

import json
import lzma
import os
import shutil
from itertools import islice
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForTokenClassification, PhobertTokenizer, RobertaConfig, RobertaForMaskedLM

from nghiquyet import Predictor
from nghiquyet.bpe import PhobertBpe
from nghiquyet.encode import word_form
from nghiquyet.label_studio import read_documents
from nghiquyet.normalize import iter_lines
from nghiquyet.segment import load_segmenter
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.export import FORMS, Bounds, export
from nghiquyet_training.publish import segmented
from nghiquyet_training.run import run
from tests.conftest import GOLD, ROOT, TINY_ENCODER

WORDS = 200_000
LINE = "Bí thư Huyện ủy Thanh Oai Bùi Hoàng Phan phát biểu; hòa 7/9 chỉ tiêu."


def test_pieces_of_200_000_words_are_those_of_transformers(corpus_folder: Path, phobert_vocabulary: Path) -> None:
    files = phobert_vocabulary / "vocab.txt", phobert_vocabulary / "bpe.codes"
    ours, theirs = PhobertBpe.load(*files), PhobertTokenizer(*map(str, files))
    segment = load_segmenter("underthesea").segment
    with lzma.open(corpus_folder / "politics.jsonl.xz", "rt", encoding="utf-8") as lines:
        texts = (json.loads(line)["text"] for line in lines)
        found = (word_form(t.text[a:b]) for text in texts for t in iter_lines(text) for a, b in segment(t.text))
        words = list(islice(found, WORDS))
    assert len(words) == WORDS
    for word in dict.fromkeys(words):
        assert list(ours.ids(word)) == theirs.convert_tokens_to_ids(theirs.bpe(word).split(" ")), word
    # And as a user would call it: a line of words in, ids out.
    for first in range(0, WORDS, 20_000):
        line = words[first : first + 100]
        expected = theirs(" ".join(line))["input_ids"]
        assert [0, *(i for word in line for i in ours.ids(word)), 2] == expected


@pytest.fixture(scope="module")
def phobert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """vinai/phobert-base as the Hub has it, with random weights: config.json, vocab.txt, bpe.codes, a pickle."""
    folder = tmp_path_factory.mktemp("hub") / "phobert-base"
    folder.mkdir()
    real = os.environ.get("NGHIQUYET_PHOBERT_VOCAB")
    for name in ("vocab.txt", "bpe.codes"):
        shutil.copyfile((Path(real) if real and Path(real).is_dir() else TINY_ENCODER) / name, folder / name)
    shape = {
        "architectures": ["RobertaForMaskedLM"],
        "model_type": "roberta",
        "vocab_size": PhobertBpe.load(folder / "vocab.txt", folder / "bpe.codes").size,
        "max_position_embeddings": 258,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-05,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "gradient_checkpointing": False,
        "tokenizer_class": "PhobertTokenizer",
    }
    (folder / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# PhoBERT\n", encoding="utf-8")
    torch.manual_seed(0)
    model = RobertaForMaskedLM(RobertaConfig(**shape))
    torch.save(model.state_dict(), folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    return folder


@pytest.fixture(scope="module")
def trained(phobert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's folder: a few steps on one article, evaluated on the start of another."""
    folder = tmp_path_factory.mktemp("full-size")
    documents = json.loads(GOLD.read_text("utf-8"))[:2]
    for name, document in zip(("train", "test"), documents, strict=True):
        (folder / f"{name}.json").write_text(json.dumps([document]), encoding="utf-8")
    settings = [f"encoder.path={phobert}", f"data.train=[{folder}/train.json]", f"data.test=[{folder}/test.json]"]
    settings += [f"output={folder / 'run'}", "optimizer.epochs=0.1", "optimizer.batch=2", "window_pieces=64"]
    run(TrainConfig.load(ROOT / "configs" / "phobert-base.yaml", settings))
    return folder / "run"


def test_a_model_of_full_size_is_trained_evaluated_and_packaged(trained: Path) -> None:
    """And its logits are those of transformers."""
    predictor = Predictor.load(trained / "model")
    assert predictor.artefact is not None
    manifest = predictor.artefact.manifest
    assert (manifest.licence, manifest.segmenter) == ("mit", "underthesea")
    gold = len(read_documents([trained.parent / "test.json"])[0].entities)
    assert manifest.metrics["test"]["micro"]["gold"] == gold > 10
    assert_logits_of_transformers(trained / "model", LINE, predictor)


@pytest.mark.parametrize("form", FORMS)
def test_a_model_of_full_size_is_exported_and_quantised(form: str, trained: Path, tmp_path: Path) -> None:
    if form == "openvino":
        pytest.importorskip("nncf", reason="the extra quantise is not installed")
    model, fp32, int8 = trained / "model", tmp_path / "fp32", tmp_path / "int8"
    assert export(model, fp32, [LINE], int8=False, form=form).equal_labels == 1.0
    assert export(model, int8, [LINE], int8=True, form=form, bounds=Bounds(f1=1.0, labels=0.2)).words > 10
    assert_logits_of_transformers(model, LINE, Predictor.load(fp32))
    for entity in Predictor.load(int8).predict(LINE, min_score=0.0):
        assert LINE[entity.start : entity.end] == entity.text


def assert_logits_of_transformers(model: Path, line: str, predictor: Predictor) -> None:
    """Transformers' own tokenizer and forward pass, in fp32, against ours."""
    encoder = predictor.encoder
    encoded = encoder.encode(line)
    heads = [1 + sum(map(len, encoded.pieces[:word])) for word in range(len(encoded))]
    tokenizer = PhobertTokenizer(str(model / "vocab.txt"), str(model / "bpe.codes"))
    inputs = tokenizer(segmented(line, encoder.segmenter), return_tensors="pt")
    plain = AutoModelForTokenClassification.from_pretrained(model, dtype=torch.float32).eval()
    with torch.inference_mode():
        theirs = plain(**inputs).logits[0, heads].numpy()
    assert abs(predictor.word_logits([encoded])[0] - theirs).max() < 1e-4
