"""A trained model in the form that the Hub and plain transformers know, and its way there."""

import json
import shutil
from pathlib import Path

from nghiquyet.artefact import Artefact, Manifest, open_artefact
from nghiquyet.encode import word_form
from nghiquyet.errors import ArtefactError, ConfigError
from nghiquyet.normalize import iter_lines
from nghiquyet.segment import Segmenter, load_segmenter
from nghiquyet_training.card import CARD, model_card
from nghiquyet_training.licences import obligations
from nghiquyet_training.package import finish_artefact

TOKENIZER = {
    "tokenizer_class": "PhobertTokenizer",
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
EXAMPLES = (
    "Bí thư Huyện ủy Thanh Oai Bùi Hoàng Phan phát biểu tại hội nghị.",
    "Đảng bộ xã hoàn thành 7/9 chỉ tiêu theo Nghị quyết Trung ương 4 (khóa XII).",
)
USAGE = """\
## Use

With exact offsets in your own text, of any length:

    from nghiquyet import Predictor
    predictor = Predictor.load("{name}", backend="torch")  # pip install 'nghiquyet[torch]'
    predictor.predict("{plain}")

With transformers alone, one line at a time. Words must be cut by `{segmenter}`, their syllables joined by `_`, tone
marks in the old place (`uỷ`), at most {max_pieces} pieces; the pipeline gives a tag for each piece, of which the first
of a word counts, and no offsets:

    from transformers import pipeline
    tagger = pipeline("token-classification", "{name}")
    tagger("{words}")
"""


def is_hub_id(target: str) -> bool:
    """Whether `target` is OWNER/NAME on the Hub: not where a folder OWNER lies here, nor written as a path."""
    owner, slash, name = target.partition("/")
    is_pair = bool(owner and slash and name) and "/" not in name and owner not in (".", "..", "~")
    return is_pair and not Path(owner).is_dir()


def prepare(model: str | Path, folder: Path, name: str | None = None) -> Manifest:
    """Writes `folder`: weights, both vocabularies, tokenizer_config.json, card, NOTICE and a manifest.

    `name`: what users will load it by; None takes the folder's. Raises ArtefactError for a model without a checkpoint:
    transformers opens no ONNX.
    """
    artefact = open_artefact(model)
    if "model.safetensors" not in artefact.manifest.files:
        raise ArtefactError(f"{artefact.folder} holds no model.safetensors; publish the checkpoint, RUN/model")
    if folder.exists():
        raise ConfigError(f"{folder} exists already; name a folder that does not")
    checked = [artefact.file(file) for file in artefact.manifest.files]
    folder.mkdir(parents=True)
    for path in checked:
        shutil.copyfile(path, folder / path.name)
    _set_full_precision(folder / "config.json")
    tokenizer = {**TOKENIZER, "model_max_length": artefact.manifest.max_pieces}
    _write_json(folder / "tokenizer_config.json", tokenizer)
    (folder / "NOTICE").write_text(notice(artefact.manifest), encoding="utf-8")
    finish_artefact(folder, artefact.manifest)
    (folder / CARD).write_text(hub_card(artefact, name or folder.name), encoding="utf-8")
    return open_artefact(folder).manifest


def _set_full_precision(path: Path) -> None:
    """The weights are kept in 16 bits, and computed with in 32, as this package does: transformers goes by `dtype`."""
    _write_json(path, {**json.loads(path.read_text(encoding="utf-8")), "dtype": "float32"})


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def notice(manifest: Manifest) -> str:
    """Whose weights these come from, under which licence, and what that asks for."""
    encoder = manifest.base.get("encoder", "an unnamed encoder")
    lines = [
        f"{manifest.name}, a model of nghiquyet, trained from the weights of {encoder}.",
        f"Licence of those weights, and so of these: {manifest.licence} (https://spdx.org/licenses).",
    ]
    return "\n".join([*lines, *filter(None, [obligations(manifest.licence)])]) + "\n"


def hub_card(artefact: Artefact, name: str) -> str:
    """The model's card with what the Hub's pages read: the base model, examples to try, how to use it."""
    manifest = artefact.manifest
    segmenter = load_segmenter(manifest.segmenter)
    lines = [f"- text: {json.dumps(segmented(text, segmenter), ensure_ascii=False)}" for text in EXAMPLES]
    encoder = str(manifest.base.get("encoder", ""))
    base = [f"base_model: {encoder}"] if encoder.count("/") == 1 else []
    fields = [*base, "tags: [named-entity-recognition, phobert, nghiquyet]", "widget:", *lines]
    usage = USAGE.format(
        name=name,
        plain=EXAMPLES[0],
        words=segmented(EXAMPLES[0], segmenter),
        segmenter=f"{manifest.segmenter} {manifest.segmenter_version}",
        max_pieces=manifest.max_pieces,
    )
    return model_card(manifest).replace("---\n", "\n".join(["---", *fields, ""]), 1) + "\n" + usage


def segmented(text: str, segmenter: Segmenter) -> str:
    """`text` as PhobertTokenizer wants it: words parted by spaces, their syllables joined by `_`."""
    return " ".join(
        word_form(line.text[start:end]) for line in iter_lines(text) for start, end in segmenter.segment(line.text)
    )


def upload(folder: Path, hub_id: str, *, public: bool) -> str:
    """Sends a folder to the Hub as the model `hub_id`; returns the address of the commit.

    Whoever is logged in (hf auth login, or HF_TOKEN) sends it: this package never sees the token.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(hub_id, private=not public, exist_ok=True)
        sent = api.upload_folder(repo_id=hub_id, folder_path=folder, commit_message="Model of nghiquyet")
        return str(sent.commit_url)
    except Exception as error:  # network, authorisation, a wrong name: the library has a dozen kinds
        raise ConfigError(
            f"the Hub did not take {hub_id!r} ({type(error).__name__}: {next(iter(str(error).splitlines()), '')}); "
            "log in with a token that may write: hf auth login; to write a folder instead: --to ./FOLDER"
        ) from error
