"""Where encoders come from: folders and the Hub in the forms they have there, and what is told where one is unfit."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nghiquyet.errors import ConfigError
from nghiquyet_training.config import EncoderConfig
from nghiquyet_training.encoder_source import SMALL, build_model, commit_of, licence_of, resolve_encoder
from nghiquyet_training.hub import fetch
from nghiquyet_training.licences import obligations
from tests.conftest import TINY_ENCODER
from tests.training.hub import COMMIT, hub, use_hub

NAME = "vinai/phobert-base"
ANY = EncoderConfig(path="x")


@pytest.fixture
def encoder_folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY_ENCODER, tmp_path / "encoder"))


@pytest.fixture
def as_on_the_hub(encoder_folder: Path) -> Path:
    """The files that vinai/phobert-base has: the weights are a pickle in the form of 2020."""
    tensors = load_file(encoder_folder / "model.safetensors")
    torch.save(tensors, encoder_folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    (encoder_folder / "model.safetensors").unlink()
    (encoder_folder / "README.md").write_text("---\nlicense: mit\n---\n# PhoBERT\n", encoding="utf-8")
    (encoder_folder / "tf_model.h5").write_bytes(b"not wanted")
    return encoder_folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hub's client."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def offline(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return cache


def cached(cache: Path, source: Path) -> Path:
    """A snapshot in the layout of the Hub's cache."""
    root = cache / "models--vinai--phobert-base"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    return Path(shutil.copytree(source, root / "snapshots" / COMMIT))


def test_a_model_is_fetched_once_and_then_works_offline(
    as_on_the_hub: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub(as_on_the_hub, NAME) as (address, seen), monkeypatch.context() as online:
        use_hub(address, online)
        folder = resolve_encoder(NAME)
    assert folder.is_relative_to(cache)
    assert commit_of(folder) == COMMIT
    assert not [path for path in seen.asked if "tf_model" in path]
    assert build_model(folder, ANY, 0).config.num_hidden_layers == 1
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert resolve_encoder(NAME) == folder


def test_a_snapshot_in_the_cache_is_enough(as_on_the_hub: Path, offline: Path) -> None:
    folder = cached(offline, as_on_the_hub)
    assert resolve_encoder(NAME) == folder
    assert (folder / "model.safetensors").is_file()


def test_nothing_in_the_cache_and_no_network_says_what_works_offline(offline: Path) -> None:
    with pytest.raises(ConfigError, match=r"not in the cache.*configs/smoke\.yaml.*--set encoder\.path=FOLDER"):
        resolve_encoder(NAME)


def test_a_download_that_was_cut_short_is_told(
    as_on_the_hub: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub(as_on_the_hub, NAME) as (address, _), monkeypatch.context() as online:
        use_hub(address, online)
        fetch(NAME, SMALL)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=r"a part of it only.*once more with a network"):
        resolve_encoder(NAME)


def test_a_part_of_a_snapshot_by_an_older_client_is_told_too(as_on_the_hub: Path, offline: Path) -> None:
    (as_on_the_hub / "pytorch_model.bin").unlink()
    cached(offline, as_on_the_hub)
    with pytest.raises(ConfigError, match=r"lacks model\.safetensors.*cut short: run once more with a network"):
        resolve_encoder(NAME)


@pytest.mark.parametrize(
    ("name", "refuse", "message"),
    [
        (NAME, "GatedRepo", "gated.*hf auth login"),
        ("vinai/other", None, "no such public model"),
        ("a/b/c", None, "OWNER/NAME"),
    ],
)
def test_what_the_hub_refuses_is_told(
    as_on_the_hub: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, name: str, refuse: str | None, message: str
) -> None:
    with hub(as_on_the_hub, NAME, refuse) as (address, _):
        use_hub(address, monkeypatch)
        with pytest.raises(ConfigError, match=message):
            resolve_encoder(name)


def test_another_architecture_is_refused_before_its_weights_are_fetched(
    as_on_the_hub: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (as_on_the_hub / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with hub(as_on_the_hub, NAME) as (address, seen):
        use_hub(address, monkeypatch)
        with pytest.raises(ConfigError, match="'bert' model; needed PhoBERT's"):
            resolve_encoder(NAME)
    assert not [path for path in seen.asked if "pytorch_model" in path]


def test_a_pickled_checkpoint_is_turned_into_safetensors_once(as_on_the_hub: Path) -> None:
    assert resolve_encoder(str(as_on_the_hub)) == as_on_the_hub
    tensors = load_file(TINY_ENCODER / "model.safetensors")
    turned = load_file(as_on_the_hub / "model.safetensors")
    assert all(torch.equal(tensors[name], turned[name]) for name in tensors)
    (as_on_the_hub / "pytorch_model.bin").unlink()
    resolve_encoder(str(as_on_the_hub))


class _Harm:
    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, ("harm",)


def test_a_pickle_that_runs_code_is_not_opened(
    as_on_the_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": _Harm()}, as_on_the_hub / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="needed a plain table of tensors"):
        resolve_encoder(str(as_on_the_hub))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("kept", [0, 10, 5000])
def test_a_pickle_that_was_not_copied_whole_is_named(as_on_the_hub: Path, kept: int) -> None:
    path = as_on_the_hub / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ConfigError, match=r"pytorch_model\.bin is (damaged|not opened: .* damaged)"):
        resolve_encoder(str(as_on_the_hub))


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_clone_without_git_lfs_is_told(encoder_folder: Path, name: str) -> None:
    (encoder_folder / "model.safetensors").unlink()
    (encoder_folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="git lfs pull"):
        resolve_encoder(str(encoder_folder))


def test_fairseq_is_refused_with_the_reason(tmp_path: Path, as_on_the_hub: Path) -> None:
    for name in ("model.pt", "dict.txt", "bpe.codes"):
        (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"checkpoint of fairseq\. Needed is the form of transformers"):
        resolve_encoder(str(tmp_path))
    weights = {"decoder.sentence_encoder.embed_tokens.weight": torch.zeros(2, 2)}
    torch.save({"args": {}, "model": weights}, as_on_the_hub / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="no plain table of tensors, as fairseq"):
        resolve_encoder(str(as_on_the_hub))


def test_an_encoder_that_lacks_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lacks config\.json, model\.safetensors"):
        resolve_encoder(str(tmp_path))


def test_a_config_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"not the config\.json of a model"):
        resolve_encoder(str(tmp_path))


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(ConfigError, match="'bert' model"):
        build_model(tmp_path, ANY, 0)


def test_a_head_over_other_labels_is_refused(encoder_folder: Path) -> None:
    tensors = load_file(encoder_folder / "model.safetensors")
    tensors["classifier.weight"], tensors["classifier.bias"] = torch.zeros(5, 32), torch.zeros(5)
    save_file(tensors, encoder_folder / "model.safetensors", {"format": "pt"})
    shape = json.loads((encoder_folder / "config.json").read_text("utf-8"))
    shape["id2label"] = {str(i): tag for i, tag in enumerate(("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))}
    (encoder_folder / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"over 5 other labels \(O, B-PER, I-PER, B-LOC, I-LOC\)"):
        build_model(encoder_folder, ANY, 0)


def test_a_vocabulary_of_another_size_is_refused(encoder_folder: Path) -> None:
    with (encoder_folder / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("mới-toanh 1\n")
    with pytest.raises(ConfigError, match=r"1043 pieces, config\.json says 1042"):
        build_model(encoder_folder, ANY, 0)


def test_weights_that_are_missing_are_an_error(encoder_folder: Path) -> None:
    tensors = load_file(encoder_folder / "model.safetensors")
    del tensors["roberta.encoder.layer.0.output.dense.weight"]
    save_file(tensors, encoder_folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match="lacks 1 weights of the encoder, first roberta"):
        build_model(encoder_folder, ANY, 0)


def test_weights_that_were_not_copied_whole_are_an_error(encoder_folder: Path) -> None:
    path = encoder_folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ConfigError, match="damaged or was not copied whole"):
        build_model(encoder_folder, ANY, 0)


def test_licences_come_from_the_configuration_the_hub_id_or_the_card(encoder_folder: Path) -> None:
    assert licence_of(EncoderConfig(path="vinai/phobert-base-v2"), encoder_folder) == "agpl-3.0"
    assert licence_of(EncoderConfig(path="vinai/phobert-base-v2", licence="x"), encoder_folder) == "x"
    assert licence_of(ANY, encoder_folder) == "unknown"
    (encoder_folder / "README.md").write_text('---\nlanguage: vi\nlicense: "AGPL-3.0"\n---\n# x\n', encoding="utf-8")
    assert licence_of(ANY, encoder_folder) == "agpl-3.0"
    (encoder_folder / "README.md").write_text("# x\nlicense: mit\n", encoding="utf-8")
    assert licence_of(ANY, encoder_folder) == "unknown"


def test_only_licences_that_bind_are_warned_of() -> None:
    assert "AGPL-3.0" in (obligations("agpl-3.0") or "")
    assert "encoder.licence" in (obligations("unknown") or "")
    assert obligations("mit") is None
