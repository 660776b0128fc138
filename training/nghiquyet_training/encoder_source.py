"""Where the pretrained encoder comes from: a local folder or the Hub."""

import json
import logging
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoConfig, RobertaForTokenClassification

from nghiquyet.bpe import PhobertBpe
from nghiquyet.encode import Encoder
from nghiquyet.errors import ConfigError
from nghiquyet.labels import LABELS
from nghiquyet.segment import load_segmenter
from nghiquyet_training.config import EncoderConfig
from nghiquyet_training.settings import expand
from nghiquyet_training.spelling import part_capitals, read_pieces

NEEDED = ("config.json", "model.safetensors", "vocab.txt", "bpe.codes")
LICENCES = {"vinai/phobert-base": "mit", "vinai/phobert-large": "mit", "vinai/phobert-base-v2": "agpl-3.0"}
log = logging.getLogger(__name__)


def resolve_encoder(path: str) -> Path:
    """The folder of an encoder, fetched from the Hub where `path` is no folder; all files of NEEDED are in it."""
    folder = expand(path)
    if not folder.is_dir():
        folder = _download(path)
    if not (folder / "model.safetensors").is_file() and (folder / "pytorch_model.bin").is_file():
        _convert(folder)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ConfigError(f"the encoder {folder} lacks {', '.join(missing)}; needed: {', '.join(NEEDED)}")
    return folder


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, allow_patterns=[*NEEDED, "pytorch_model.bin"]))
    except Exception as error:  # network, authorisation, absence: the library has a dozen kinds
        raise ConfigError(
            f"{hub_id!r} is no local folder, and the Hub did not give it ({type(error).__name__}). "
            "Without a network: configs/smoke.yaml, or configs/compact.yaml --set data.split=[], work with what comes "
            f"with the project; or point to a copy, --set encoder.path=FOLDER (with {', '.join(NEEDED)})"
        ) from error


def _convert(folder: Path) -> None:
    """Turns `pytorch_model.bin` into safetensors, once; `weights_only` refuses anything but tensors."""
    from safetensors.torch import save_file

    tensors = torch.load(folder / "pytorch_model.bin", map_location="cpu", weights_only=True)
    unique = {name: value.clone().contiguous() for name, value in tensors.items()}
    save_file(unique, folder / "model.safetensors", {"format": "pt"})
    log.warning("%s: pytorch_model.bin was turned into model.safetensors", folder)


def licence_of(config: EncoderConfig) -> str:
    """The licence of the encoder's weights: what the configuration says, or what is known of the Hub id."""
    return config.licence or LICENCES.get(config.path, "unknown")


def build_encoder(folder: Path, segmenter: str) -> Encoder:
    """The text side of an encoder: its words and its pieces. A folder that names another segmenter is an error."""
    about = folder / "pretraining.json"
    wanted = json.loads(about.read_text(encoding="utf-8"))["segmenter"] if about.is_file() else segmenter
    if wanted != segmenter:
        raise ConfigError(f"{folder} was pretrained on the words of {wanted!r}: set encoder.segmenter={wanted}")
    bpe = PhobertBpe.load(folder / "vocab.txt", folder / "bpe.codes")
    return Encoder(load_segmenter(segmenter), bpe)


def build_model(folder: Path, config: EncoderConfig, seed: int) -> RobertaForTokenClassification:
    """The encoder with a fresh classification head over the tags, in fp32."""
    shape = AutoConfig.from_pretrained(folder, local_files_only=True)
    if shape.model_type != "roberta":
        raise ConfigError(f"{folder} holds a {shape.model_type!r} model; needed PhoBERT's architecture, 'roberta'")
    vocab = PhobertBpe.load(folder / "vocab.txt", folder / "bpe.codes").size
    if shape.vocab_size != vocab:
        raise ConfigError(
            f"{folder}: vocab.txt makes {vocab} pieces, config.json says {shape.vocab_size}: they do not fit"
        )
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
