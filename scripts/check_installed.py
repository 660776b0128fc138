"""Checks an installed package from outside its source tree: what must be in it, and what must not be needed.

    python check_installed.py ARTICLE

Exit status 1, with the reason, where something is wrong.
"""

import importlib.util
import sys
from importlib.resources import files
from pathlib import Path

import nghiquyet

PACKAGES = ("nghiquyet", "nghiquyet_training", "nghiquyet_annotations")


def problems(article: Path) -> list[str]:
    """What is wrong with the installation, in words."""
    found = []
    if "site-packages" not in nghiquyet.__file__:
        found.append(f"nghiquyet comes from {nghiquyet.__file__}, not from an installed package")
    for package in PACKAGES:
        if not (files(package) / "py.typed").is_file():
            found.append(f"{package} lacks py.typed")
    for name in ("manifest.json", "model.onnx", "vocab.txt", "bpe.codes", "README.md"):
        if not (files("nghiquyet") / "weights" / "compact" / name).is_file():
            found.append(f"the bundled model lacks {name}")
    if importlib.util.find_spec("torch"):
        found.append("torch is installed: this environment cannot show that it is not needed")
    text = article.read_bytes().decode("utf-8")
    entities = nghiquyet.predict(text)
    if {entity.label for entity in entities} != set(nghiquyet.LABELS.names):
        found.append(f"of {article} the model gives only {sorted({e.label for e in entities})}")
    if any(text[e.start : e.end] != e.text for e in entities):
        found.append("offsets are wrong")
    return found


if __name__ == "__main__":
    wrong = problems(Path(sys.argv[1]))
    sys.exit("\n".join(wrong) if wrong else 0)
