"""A model folder that describes itself, and the checks before anything in it is used."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nghiquyet.errors import ArtefactError, MissingExtraError
from nghiquyet.labels import LABELS

MANIFEST = "manifest.json"
FORMAT = 1  # raised when a folder of the old form can no longer be read
TONE_RULE = "old"  # `hoà`, as PhoBERT's vocabulary has it
BUNDLED = Path(__file__).parent / "weights"
DEFAULT_MODEL = "compact"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The precision and recall of the spans that score `min_score` or more, on development data."""

    min_score: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `manifest.json` says of its folder. `files` maps a name to its SHA-256; the rest is for people."""

    name: str
    labels: tuple[str, ...]
    segmenter: str
    segmenter_version: str
    max_pieces: int
    files: Mapping[str, str]
    format: int = FORMAT
    tone_rule: str = TONE_RULE
    licence: str = ""
    temperature: float = 1.0
    """What label logits are divided by, so that scores mean what they say; fitted on development data."""
    min_score: float = 0.0
    """Spans that score less are left out unless they are asked for; the best F1 on development data."""
    transitions: Sequence[Sequence[float]] | None = None
    """(L, L): logarithms of how much likelier the column's tag is behind the row's than by itself; see decode.py."""
    operating_points: Sequence[OperatingPoint] = ()
    """What a least score brought on development data, by rising score."""
    base: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    failures: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Examples of errors as lines of text, by the part of the data that they are from."""
    footprint: Mapping[str, Any] = field(default_factory=dict)
    """What training took: time, processor."""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A folder with its checked manifest."""

    folder: Path
    manifest: Manifest

    def file(self, name: str) -> Path:
        """The path of a file that the manifest lists, after its hash was found right."""
        wanted = self.manifest.files.get(name)
        path = self.folder / name
        if wanted is None or not path.is_file():
            listed = ", ".join(sorted(n for n in self.manifest.files if (self.folder / n).is_file())) or "nothing"
            raise ArtefactError(f"the model folder {self.folder} lacks {name} (it has {listed}); {_REMEDY}")
        found = sha256(path)
        if found != wanted:
            raise ArtefactError(
                f"{path} is damaged or was changed: SHA-256 {found}, the manifest has {wanted}; {_REMEDY}"
            )
        return path


_REMEDY = "copy or export the model again (nghiquyet-train export)"


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_artefact(path_or_id: str | Path) -> Artefact:
    """Finds a model by bundled name, folder or Hub id, and checks its manifest against this package."""
    folder = _find(path_or_id)
    manifest = _read_manifest(folder)
    if manifest.format != FORMAT:
        raise ArtefactError(f"{folder}: format {manifest.format}, this version reads {FORMAT}; export the model again")
    if difference := LABELS.differences(manifest.labels):
        raise ArtefactError(f"{folder}: its labels are not this package's: {difference}")
    if manifest.tone_rule != TONE_RULE:
        raise ArtefactError(f"{folder}: tone rule {manifest.tone_rule!r}, this version knows {TONE_RULE!r} only")
    return Artefact(folder, manifest)


def bundled_models() -> list[str]:
    """Names of the models inside this package."""
    return sorted(path.parent.name for path in BUNDLED.glob(f"*/{MANIFEST}"))


def _find(path_or_id: str | Path) -> Path:
    name = str(path_or_id)
    # A name goes before a folder that happens to be called so; a Path is that folder, which may be written to.
    if isinstance(path_or_id, str) and name in bundled_models():
        return BUNDLED / name
    folder = Path(path_or_id)
    if folder.is_dir():
        return folder
    if isinstance(path_or_id, str) and name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _download(name)
    raise ArtefactError(
        f"no model {name!r}: needed a folder with {MANIFEST}, a Hub id OWNER/NAME, "
        f"or one of the bundled models: {', '.join(bundled_models()) or 'none'}"
    )


def _download(hub_id: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError(f"no folder is called {hub_id}; loading it from the Hub", "torch") from error
    patterns = ["*.json", "*.txt", "*.codes", "*.safetensors", "*.onnx", "openvino.*"]
    try:
        return Path(snapshot_download(hub_id, allow_patterns=patterns))
    except Exception as error:  # network, authorisation, absence: the library has a dozen kinds
        raise ArtefactError(
            f"no folder is called {hub_id}, and the Hub gave none ({type(error).__name__}: {error})"
        ) from error


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise ArtefactError(
            f"{folder} has no {MANIFEST}: it is not a packaged model; make one with nghiquyet-train run"
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        raw["labels"] = tuple(map(str, raw["labels"]))
        raw["files"] = dict(raw["files"])
        raw["operating_points"] = tuple(OperatingPoint(**point) for point in raw.get("operating_points", ()))
        return Manifest(**raw)
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path} is not a manifest that this version reads: {error}; {_REMEDY}") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes `manifest.json`; the order of its keys is that of the fields."""
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
