"""What a result came from: versions, commit, data."""

import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nghiquyet.artefact import sha256
from nghiquyet.documents import Document
from nghiquyet_training.data import Splits

PACKAGES = ("nghiquyet", "torch", "transformers", "datasets", "accelerate", "numpy", "onnxruntime", "underthesea")


def hardware() -> str:
    """What torch trains on here."""
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"{torch.get_num_threads()} CPU cores ({platform.machine()})"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on; absent ones are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_commit() -> str:
    """The commit of the working folder, `+changes` behind it where files differ from it; `unknown` outside git."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("+changes" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(("git", *arguments), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def describe_files(paths: Iterable[Path]) -> dict[str, str]:
    """Folder/name -> SHA-256 of data files; no whole paths, they differ from machine to machine."""
    return {f"{path.parent.name}/{path.name}": sha256(path) for path in paths}


def describe_splits(splits: Splits) -> dict[str, Any]:
    """How many documents and spans each part has."""
    parts = {"train": splits.train, "dev": splits.dev, **splits.test}
    return {name: _sizes(documents) for name, documents in parts.items() if documents}


def _sizes(documents: list[Document]) -> dict[str, int]:
    return {"documents": len(documents), "spans": sum(len(d.entities) for d in documents)}
