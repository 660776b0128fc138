"""The files that weights come in: safetensors as they are, a pickle turned into them once, others refused."""

import logging
import os
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from nghiquyet.errors import ConfigError

SAFE = "model.safetensors"
PICKLED = "pytorch_model.bin"
FAIRSEQ = ("model.pt", "dict.txt")  # the names of fairseq's own release
_LFS_POINTER = b"version https://git-lfs"

log = logging.getLogger(__name__)


def make_safe(folder: Path) -> None:
    """Leaves `model.safetensors` in `folder`, where a `pytorch_model.bin` has to be turned into it.

    Raises ConfigError for weights that are absent, of another kind, or not whole.
    """
    if (folder / SAFE).is_file():
        _refuse_pointer(folder / SAFE)
    elif (folder / PICKLED).is_file():
        _refuse_pointer(folder / PICKLED)
        _write(_unpickle(folder / PICKLED), folder / SAFE)
        log.warning("%s: %s was turned into %s", folder, PICKLED, SAFE)
    elif all((folder / name).is_file() for name in FAIRSEQ):
        raise ConfigError(f"{folder} holds a checkpoint of fairseq. {_TRANSFORMERS_FORM}")


_TRANSFORMERS_FORM = (
    "Needed is the form of transformers (config.json, vocab.txt, bpe.codes, model.safetensors or pytorch_model.bin), "
    "as vinai/phobert-base on the Hub has it"
)


def shapes(path: Path) -> dict[str, list[int]]:
    """The names and shapes of the weights in a safetensors file; only its head is read, its length is checked."""
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path} is damaged or was not copied whole ({error}); fetch it again") from error


def _refuse_pointer(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise ConfigError(f"{path} is git-lfs's note in place of the weights; in that folder: git lfs pull")


def _unpickle(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a pickled state dict; with `weights_only` nothing but tensors and plain values is built."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ConfigError(
            f"{path} is not opened: needed a plain table of tensors, and it holds more or is damaged. A pickle can run "
            f"any code. {_TRANSFORMERS_FORM}"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise ConfigError(f"{path} is damaged or was not copied whole ({error}); fetch it again") from error
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise ConfigError(f"{path} holds no plain table of tensors, as fairseq's files do not. {_TRANSFORMERS_FORM}")
    return found


def _write(tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Under another name first: a break leaves no half file, and two processes do not meet."""
    unique = {name: value.clone().contiguous() for name, value in tensors.items()}  # tied weights share memory
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        save_file(unique, partial, {"format": "pt"})
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(
            f"cannot write {path} ({error}); copy the folder to where you may write, and --set encoder.path=FOLDER"
        ) from error
