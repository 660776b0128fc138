"""What may be done with the weights that a training starts from, and so with what comes of it."""

import re
from pathlib import Path

KNOWN = {"vinai/phobert-base": "mit", "vinai/phobert-large": "mit", "vinai/phobert-base-v2": "agpl-3.0"}
UNKNOWN = "unknown"

_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)
_LICENCE = re.compile(r"^license:\s*[\"']?([\w.+-]+)", re.MULTILINE)


def find_licence(path: str, folder: Path) -> str:
    """The licence of an encoder: of a Hub id that is known, else what the card in its folder says, else `unknown`."""
    card = folder / "README.md"
    if path in KNOWN or not card.is_file():
        return KNOWN.get(path, UNKNOWN)
    front = _FRONT_MATTER.search(card.read_text(encoding="utf-8", errors="replace"))
    named = _LICENCE.search(front[1]) if front else None
    return named[1].lower() if named else UNKNOWN


def obligations(licence: str) -> str | None:
    """A warning for whoever trains from, passes on or serves a model under `licence`; None where none is due."""
    if licence.startswith("agpl"):
        return (
            f"The weights that this model was trained from are under {licence.upper()}. So is the model: whoever gets "
            "it, or uses it over a network, must be offered it and the whole source of the program around it under the "
            "same licence. vinai/phobert-base (MIT) does not ask for that."
        )
    if licence == UNKNOWN:
        return (
            "The licence of the weights that this model was trained from is not known, so neither is this model's. "
            "Find it out before you pass the model on, and set encoder.licence."
        )
    return None
