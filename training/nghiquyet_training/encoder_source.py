"""Where the pretrained encoder comes from: a local folder or the Hub."""

import json
import logging
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoConfig, PretrainedConfig, RobertaForTokenClassification

from nghiquyet.artefact import MANIFEST
from nghiquyet.bpe import PhobertBpe
from nghiquyet.encode import Encoder
from nghiquyet.errors import ConfigError
from nghiquyet.labels import LABELS
from nghiquyet.segment import load_segmenter
from nghiquyet_training.checkpoint import PICKLED, SAFE, make_safe, shapes
from nghiquyet_training.config import EncoderConfig
from nghiquyet_training.hub import fetch
from nghiquyet_training.licences import find_licence
from nghiquyet_training.settings import expand
from nghiquyet_training.spelling import part_capitals, read_pieces

NEEDED = ("config.json", SAFE, "vocab.txt", "bpe.codes")
SMALL = ("config.json", "vocab.txt", "bpe.codes", "README.md", "pretraining.json")
log = logging.getLogger(__name__)


def resolve_encoder(path: str, revision: str | None = None) -> Path:
    """The folder of an encoder, fetched from the Hub where `path` is no folder; all files of NEEDED are in it.

    Another architecture is refused before its weights are fetched.
    """
    folder = expand(path)
    if folder.is_dir():
        _check_architecture(folder)
    else:
        folder = fetch(path, SMALL, revision)
        _check_architecture(folder)
        fetch(path, [SAFE], revision)
        if not (folder / SAFE).is_file():
            fetch(path, [PICKLED], revision)
    make_safe(folder)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        hint = "; perhaps the download was cut short: run once more with a network" if commit_of(folder) else ""
        raise ConfigError(f"the encoder {folder} lacks {', '.join(missing)}; needed: {', '.join(NEEDED)}{hint}")
    return folder


def _check_architecture(folder: Path) -> None:
    """A folder whose config.json speaks of another model than PhoBERT's is an error; one without is left to others."""
    path = folder / "config.json"
    if not path.is_file():
        return
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is not the config.json of a model ({error!r}); fetch it again") from error
    if kind != "roberta":
        raise ConfigError(f"{folder} holds a {kind!r} model; needed PhoBERT's architecture, 'roberta'")


def commit_of(folder: Path) -> str | None:
    """The Hub's commit of a folder in its cache (`snapshots/COMMIT`); None for any other folder."""
    return folder.name if folder.parent.name == "snapshots" else None


def licence_of(config: EncoderConfig, folder: Path) -> str:
    """The licence of the encoder's weights: what the configuration says, or what is known of a Hub id or folder."""
    return config.licence or find_licence(config.path, folder)


def build_encoder(folder: Path, segmenter: str) -> Encoder:
    """The text side of an encoder: its words and its pieces. A folder that names another segmenter is an error."""
    notes = [folder / "pretraining.json", folder / MANIFEST]
    wanted = next((json.loads(p.read_text(encoding="utf-8"))["segmenter"] for p in notes if p.is_file()), segmenter)
    if wanted != segmenter:
        raise ConfigError(f"{folder} was trained on the words of {wanted!r}: set encoder.segmenter={wanted}")
    bpe = PhobertBpe.load(folder / "vocab.txt", folder / "bpe.codes")
    return Encoder(load_segmenter(segmenter), bpe)


def _check_head(folder: Path, shape: PretrainedConfig) -> None:
    """A classifier that comes with the weights must be over this package's tags: one over others would be misread."""
    rows = shapes(folder / SAFE).get("classifier.weight", [0])[0]
    if rows and shape.id2label != LABELS.id2label:
        tags = ", ".join(map(str, (shape.id2label or {}).values()))
        raise ConfigError(
            f"{folder} holds a classifier over {rows} other labels ({tags}); start from the encoder that it was "
            f"trained from, or from a model over {', '.join(LABELS.tags)}"
        )


def build_model(folder: Path, config: EncoderConfig, seed: int) -> RobertaForTokenClassification:
    """The encoder with a fresh classification head over the tags, in fp32."""
    _check_architecture(folder)
    shape = AutoConfig.from_pretrained(folder, local_files_only=True)
    vocab = PhobertBpe.load(folder / "vocab.txt", folder / "bpe.codes").size
    if shape.vocab_size != vocab:
        raise ConfigError(
            f"{folder}: vocab.txt makes {vocab} pieces, config.json says {shape.vocab_size}: they do not fit"
        )
    _check_head(folder, shape)
    torch.manual_seed(seed)
    # With output_loading_info the library returns a pair, which its types do not say.
    answer: Any = RobertaForTokenClassification.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        dtype=torch.float32,
        # On a CPU, plain attention over windows of 128 pieces is a fifth faster than the fused kernel.
        attn_implementation=None if torch.cuda.is_available() else "eager",
        id2label=LABELS.id2label,
        label2id=LABELS.label2id,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
        output_loading_info=True,
    )
    model, loaded = cast(tuple[RobertaForTokenClassification, dict[str, Any]], answer)
    missing = sorted(name for name in loaded["missing_keys"] if not name.startswith("classifier."))
    if missing:
        raise ConfigError(f"{folder}/model.safetensors lacks {len(missing)} weights of the encoder, first {missing[0]}")
    if config.part_capitals:
        pieces = read_pieces(folder / "vocab.txt")
        part_capitals(model.roberta.embeddings.word_embeddings, pieces, config.part_capitals)
    return model
