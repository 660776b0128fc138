"""What is published opens with plain transformers, gives the same labels, and says whose it is."""

import json
from pathlib import Path

import pytest
from transformers import AutoModelForTokenClassification, AutoTokenizer, PhobertTokenizer, pipeline
from typer.testing import CliRunner

from nghiquyet import Predictor
from nghiquyet.errors import ArtefactError, ConfigError
from nghiquyet.labels import LABELS
from nghiquyet_training.cli import app
from nghiquyet_training.publish import is_hub_id, notice, prepare, segmented, upload
from tests.training.hub import hub, use_hub

LINE = "Bí thư Huyện ủy Thanh Oai Bùi Hoàng Phan phát biểu; hòa 7/9 chỉ tiêu."


@pytest.fixture(scope="module")
def published(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "model"
    prepare(tiny_model, folder, "owner/tiny")
    return folder


def test_plain_transformers_gives_the_same_labels(published: Path, tiny_model: Path) -> None:
    predictor = Predictor.load(tiny_model)
    encoded = predictor.encoder.encode(LINE)
    logits = predictor.word_logits([encoded])[0]
    tokenizer = AutoTokenizer.from_pretrained(published)
    assert isinstance(tokenizer, PhobertTokenizer)
    assert tokenizer.model_max_length == 128
    model = AutoModelForTokenClassification.from_pretrained(published)
    words = segmented(LINE, predictor.encoder.segmenter)
    inputs = tokenizer(words, return_tensors="pt")
    assert inputs["input_ids"][0].tolist() == [0, *(i for pieces in encoded.pieces for i in pieces), 2]
    heads = [1 + sum(map(len, encoded.pieces[:word])) for word in range(len(encoded))]
    theirs = model(**inputs).logits[0, heads].detach().numpy()
    assert abs(theirs - logits).max() < 1e-4
    tagged = pipeline("token-classification", str(published), ignore_labels=[])(words)
    names = [tagged[head - 1]["entity"] for head in heads]  # the pipeline leaves out <s>
    assert names == [LABELS.tags[i] for i in logits.argmax(axis=1)]
    assert len(set(names)) > 2


def test_this_package_opens_it_too(published: Path, tiny_model: Path) -> None:
    assert Predictor.load(published).predict(LINE) == Predictor.load(tiny_model).predict(LINE)


def test_the_card_has_licence_examples_and_both_ways_of_use(published: Path) -> None:
    card = (published / "README.md").read_text("utf-8")
    front = card.split("---\n")[1]
    assert {"license: unknown", "widget:", "pipeline_tag: token-classification"} <= set(front.splitlines())
    assert '- text: "Bí thư Huyện uỷ Thanh Oai' in front
    assert 'Predictor.load("owner/tiny"' in card
    assert 'pipeline("token-classification", "owner/tiny")' in card
    assert "is not known" in (published / "NOTICE").read_text("utf-8")


def test_agpl_is_said_in_the_notice(published: Path) -> None:
    from dataclasses import replace

    from nghiquyet.artefact import open_artefact

    manifest = replace(open_artefact(published).manifest, licence="agpl-3.0", base={"encoder": "vinai/phobert-base-v2"})
    assert "vinai/phobert-base-v2" in notice(manifest)
    assert "whole source of the program" in notice(manifest)


def test_a_model_without_a_checkpoint_or_a_folder_that_exists_is_refused(tiny_onnx: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"no model\.safetensors"):
        prepare(tiny_onnx, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_there_is_not_written_over(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exists already"):
        prepare(tiny_model, tmp_path)


@pytest.mark.parametrize(
    ("target", "expected"),
    [("owner/name", True), ("./name", False), ("/a/b", False), ("name", False), ("a/b/c", False), ("here/name", False)],
)
def test_a_hub_id_is_no_path(target: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert is_hub_id(target) == expected


def test_sending_is_asked_for_and_the_token_is_not_shown(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_thisIsSecret")
    command = ["publish", str(tiny_model), "--to", "owner/tiny"]
    with hub(tmp_path, "owner/tiny") as (address, seen):
        use_hub(address, monkeypatch)
        dry = CliRunner().invoke(app, command)
        assert dry.exit_code == 0, dry.output
        assert "dry run" in dry.output
        assert not seen.asked
        sent = CliRunner().invoke(app, [*command, "--yes"])
        assert sent.exit_code == 0, sent.output
    assert {"README.md", "config.json", "manifest.json", "tokenizer_config.json", "NOTICE"} <= seen.sent.keys()
    assert json.loads(seen.sent["config.json"])["dtype"] == "float32"
    assert seen.tokens == {"Bearer hf_thisIsSecret"}
    assert "hf_thisIsSecret" not in dry.output + sent.output + caplog.text


def test_no_way_to_the_hub_is_an_error_with_a_remedy(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match="hf auth login"):
        upload(published, "owner/tiny", public=False)
