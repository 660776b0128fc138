"""Exports agree with their checkpoint, or are not written."""

import json
from pathlib import Path

import pytest
import torch
from transformers import RobertaConfig, RobertaForTokenClassification

from nghiquyet import ArtefactError, Predictor
from nghiquyet.artefact import open_artefact, sha256
from nghiquyet.backends import OnnxBackend
from nghiquyet.documents import Document
from nghiquyet_training.export import Bounds, Parity, _refuse, export
from nghiquyet_training.formats import write_onnx
from nghiquyet_training.graph import TaggerGraph


def random_model(heads: int) -> RobertaForTokenClassification:
    torch.manual_seed(0)
    shape = RobertaConfig(
        vocab_size=50,
        hidden_size={2: 32, 3: 36}[heads],
        num_hidden_layers=2,
        num_attention_heads=heads,
        intermediate_size=48,
        max_position_embeddings=34,
        type_vocab_size=1,
        initializer_range=0.5,
        num_labels=5,
    )
    return RobertaForTokenClassification(shape).eval()


@pytest.mark.parametrize("heads", [2, 3])  # of 16, whose scale is a power of two, and of 12, whose scale is none
def test_the_graph_is_the_model(heads: int) -> None:
    model = random_model(heads)
    ids = torch.randint(4, 50, (3, 32))
    mask = torch.ones_like(ids)
    mask[1, 20:] = mask[2, 1:] = 0
    ids[mask == 0] = model.config.pad_token_id
    with torch.inference_mode():
        expected = model(ids, attention_mask=mask).logits
        found = TaggerGraph(model).eval()(ids, mask)
    assert torch.allclose(found[mask.bool()], expected[mask.bool()], atol=1e-4)


@pytest.mark.parametrize("fused", [True, False])
def test_both_graphs_of_onnx_are_the_model(fused: bool, tmp_path: Path) -> None:
    """With the runtime's own attention windows of one length run together, with standard operations all do."""
    model = random_model(2)
    write_onnx(model, tmp_path / "model.onnx", None, fused=fused)
    backend = OnnxBackend(tmp_path / "model.onnx")
    assert backend.length_step == int(fused)
    ids = torch.randint(4, 50, (3, 29))
    if not fused:
        ids[1, 20:] = ids[2, 1:] = model.config.pad_token_id
    mask = (ids != model.config.pad_token_id).long()
    with torch.inference_mode():
        expected = model(ids, attention_mask=mask).logits[mask.bool()]
    assert torch.allclose(torch.from_numpy(backend(ids.numpy()))[mask.bool()], expected, atol=1e-4)


@pytest.mark.parametrize("form", ["onnx", "openvino"])
@pytest.mark.parametrize("int8", [False, True])
def test_an_export_agrees_with_its_checkpoint_and_knows_its_files(
    tiny_model: Path, tmp_path: Path, articles: list[str], gold: list[Document], form: str, int8: bool
) -> None:
    if form == "openvino":
        pytest.importorskip("nncf", reason="the extra quantise is not installed")
    parity = export(
        tiny_model, tmp_path / "model", articles[:2], int8=int8, form=form, gold=gold[:2], bounds=Bounds(0.05, 0.1)
    )
    assert parity.words > 1000
    assert parity.equal_labels > (0.9 if int8 else 0.999)
    assert parity.f1 is not None
    manifest = open_artefact(tmp_path / "model").manifest
    assert manifest.files == {
        path.name: sha256(path)
        for path in (tmp_path / "model").iterdir()
        if path.name not in ("manifest.json", "README.md")
    }
    assert manifest.metrics[f"parity of {'int8' if int8 else 'fp32'} with the checkpoint"]["words"] == parity.words
    assert Predictor.load(tmp_path / "model").predict("") == []


def test_an_export_that_changes_too_much_is_not_written(tiny_model: Path, tmp_path: Path, articles: list[str]) -> None:
    with pytest.raises(ArtefactError, match=r"another label for .*% of the words, more than 0\.0%; not written"):
        export(tiny_model, tmp_path / "model", articles, int8=True, bounds=Bounds(f1=1.0, labels=0.0))
    assert not (tmp_path / "model").exists()


def test_an_export_that_loses_f1_is_refused() -> None:
    parity = Parity(words=100, equal_labels=1.0, spans=9, equal_spans=1.0, f1_checkpoint=0.9, f1=0.894)
    with pytest.raises(ArtefactError, match=r"F1 0\.8940, the checkpoint 0\.9000: .*--max-loss"):
        _refuse(parity, Bounds(f1=0.005, labels=0.0))
    _refuse(parity, Bounds(f1=0.007, labels=0.0))


def test_the_manifest_of_an_export_is_for_people_too(tiny_onnx: Path) -> None:
    figures = json.loads((tiny_onnx / "manifest.json").read_text("utf-8"))["metrics"]
    assert figures["parity of fp32 with the checkpoint"]["equal_labels"] == 1.0
