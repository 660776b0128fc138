"""A model folder that does not fit is refused, with what to do."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nghiquyet import ArtefactError, Predictor
from nghiquyet.artefact import open_artefact


@pytest.fixture
def folder(tiny_onnx: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_onnx, tmp_path / "model"))


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), encoding="utf-8")


def test_a_whole_folder_loads(folder: Path) -> None:
    assert Predictor.load(folder).predict("") == []


@pytest.mark.parametrize("name", ["model.onnx", "vocab.txt", "bpe.codes"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtefactError, match=rf"lacks {name}"):
        Predictor.load(folder)


@pytest.mark.parametrize("name", ["model.onnx", "vocab.txt", "bpe.codes"])
def test_a_changed_file_is_refused(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ArtefactError, match="SHA-256"):
        Predictor.load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["O", "B-LOC", "I-LOC"]}, "got O, B-LOC, I-LOC; needed"),
        ({"segmenter": "rdr"}, "no segmenter is called 'rdr'"),
        ({"segmenter_version": "99"}, "trained with syllable 99"),
        ({"format": 7}, "format 7"),
        ({"tone_rule": "new"}, "tone rule 'new'"),
        ({"surprise": 1}, "not a manifest"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(folder: Path, changes: dict[str, Any], message: str) -> None:
    edit(folder, **changes)
    with pytest.raises(ArtefactError, match=message):
        Predictor.load(folder)


def test_another_segmenter_can_be_asked_for(folder: Path) -> None:
    edit(folder, segmenter_version="99")
    assert Predictor.load(folder, segmenter="syllable").predict(" ") == []


def test_no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(ArtefactError, match=r"has no manifest\.json"):
        open_artefact(folder)


def test_broken_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(ArtefactError, match="not a manifest"):
        open_artefact(folder)


def test_a_file_that_is_no_model(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"no model")
    files = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    from nghiquyet.artefact import sha256

    edit(folder, files=files | {"model.onnx": sha256(folder / "model.onnx")})
    with pytest.raises(ArtefactError, match="not a model that ONNX Runtime"):
        Predictor.load(folder)


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ArtefactError, match=r"bundled models: .*compact"):
        open_artefact("no-such-model")


def test_the_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ArtefactError, match="no folder is called someone/some-model, and the Hub gave none"):
        open_artefact("someone/some-model")
