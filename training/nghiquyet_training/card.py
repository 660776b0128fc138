"""The model card, written from the manifest alone: what is not recorded there is not claimed."""

from collections.abc import Mapping, Sequence
from typing import Any

from nghiquyet.artefact import Manifest
from nghiquyet.labels import LABELS
from nghiquyet_training.licences import obligations

CARD = "README.md"
SEGMENTER_LICENCES = {"syllable": "apache-2.0, part of this package", "underthesea": "apache-2.0"}

USES = """\
## What it is for

- Finding who, which body, which policy document and which figures a news text speaks of; indexing, search, counting,
  and as a first draft for annotators.

## What it is not for

- Decisions about people. A name found is a string of letters: it says nothing of who is meant, and namesakes are one.
- Other kinds of text than news about party-building and local government, and general news: social media, law and
  speech are untried.
- Complete lists: some spans are missed, see the recall above.

## Limits

- Spans are flat: a name inside a longer name is not given apart.
- Places, dates, ages, ordinals and lengths of time are no labels of this model.
- No entity crosses a line end.
"""
CITE = """\
## How to cite

    @software{nghiquyet,
      title = {nghiquyet: Vietnamese named entities with exact offsets},
      year = {2026},
      note = {model %s, SHA-256 of the weights %s}
    }
"""


def model_card(manifest: Manifest) -> str:
    """Markdown with YAML front matter, as the Hub reads it."""
    parts = [
        _front_matter(manifest),
        f"# {manifest.name}\n",
        "Finds ORG, PERSON, RESOLUTION and METRIC spans in Vietnamese news, with exact character offsets.\n",
        _labels(),
        _figures(manifest.metrics),
        _data(manifest.data),
        _facts("Encoder", {**manifest.base, "licence": manifest.licence, "longest window": manifest.max_pieces}),
        _licence(manifest),
        _facts("Words", _segmenter(manifest)),
        USES,
        _scores(manifest),
        _failures(manifest.failures),
        _facts("Footprint of training", manifest.footprint),
        _facts("Made with", manifest.versions),
        CITE % (manifest.name, _weights_hash(manifest)),
    ]
    return "\n".join(part for part in parts if part)


def _scores(manifest: Manifest) -> str:
    if not manifest.operating_points:
        return "## Scores\n\n- A score is the model's own probability of the exact span; it is not calibrated.\n"
    lines = [
        "## Scores\n",
        f"- Calibrated on the development documents (temperature {manifest.temperature:.2f}): of the spans that score",
        f"  0.9 about nine in ten should be right. Those under {manifest.min_score:.2f} are left out unless asked for:",
        "  that brought the best F1 there.",
        "\n| least score | precision | recall |\n|---|---|---|",
    ]
    shown = [point for point in manifest.operating_points if round(100 * point.min_score) % 10 == 0]
    lines += [f"| {p.min_score:.1f} | {p.precision:.3f} | {p.recall:.3f} |" for p in shown]
    return "\n".join([*lines, ""])


def _failures(failures: Mapping[str, Sequence[str]]) -> str:
    parts = [
        "\n".join([f"On {part}, some of each kind:\n", *(f"- {line}" for line in lines), ""])
        for part, lines in failures.items()
    ]
    return "\n".join(["## Where it fails\n", *parts]) if parts else ""


def _licence(manifest: Manifest) -> str:
    warning = obligations(manifest.licence)
    return f"## Licence\n\n{warning}\n" if warning else ""


def _segmenter(manifest: Manifest) -> dict[str, str]:
    licence = SEGMENTER_LICENCES.get(manifest.segmenter, "unknown")
    return {"segmenter": manifest.segmenter, "version": manifest.segmenter_version, "licence": licence}


def _weights_hash(manifest: Manifest) -> str:
    return next(
        (manifest.files[name][:16] for name in ("model.onnx", "model.safetensors") if name in manifest.files), ""
    )


def _front_matter(manifest: Manifest) -> str:
    fields = ("language: vi", "library_name: nghiquyet", "pipeline_tag: token-classification")
    return "\n".join(["---", *fields, f"license: {manifest.licence}", "---\n"])


def _labels() -> str:
    rows = "\n".join(f"| {x.name} | {x.description} | {'; '.join(f'`{e}`' for e in x.examples)} |" for x in LABELS)
    return f"| label | what | examples |\n|---|---|---|\n{rows}\n"


def _figures(metrics: Mapping[str, Any]) -> str:
    tables = [
        _figure_table(name, rows) for name, rows in metrics.items() if isinstance(rows, Mapping) and "micro" in rows
    ]
    other = _other(metrics)
    if not tables and not other:
        return ""
    note = "Exact character spans; intervals are 95% bootstrap intervals over documents.\n"
    return "\n".join(["## Figures\n", *([note, *tables] if tables else []), other])


def _figure_table(name: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        f"| {label} | {r['precision']:.3f} | {r['recall']:.3f} | {r['f1']:.3f} | {r['f1_low']:.3f}-{r['f1_high']:.3f} "
        f"| {r['gold']} |"
        for label, r in rows.items()
    ]
    head = f"**{name}**\n\n| label | precision | recall | F1 | interval | gold spans |\n|---|---|---|---|---|---|"
    return "\n".join([head, *lines, ""])


def _other(metrics: Mapping[str, Any]) -> str:
    lines = [
        f"- {name}: " + ", ".join(f"{key} {value}" for key, value in values.items())
        for name, values in metrics.items()
        if isinstance(values, Mapping) and "micro" not in values
    ]
    return "\n".join([*lines, ""]) if lines else ""


def _data(data: Mapping[str, Any]) -> str:
    facts = {key: value for key, value in data.items() if key != "notes"}
    notes = "".join(f"- {note}\n" for note in data.get("notes", ()))
    return _facts("Data", facts) + ("\n" if facts and notes else "") + notes


def _facts(title: str, facts: Mapping[str, Any]) -> str:
    if not facts:
        return ""
    return "\n".join([f"## {title}\n", *(f"- {key}: {_plain(value)}" for key, value in facts.items()), ""])


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    return str(value)
