"""Documents as JSON lines, CoNLL columns, an HTML page or a terminal table."""

import html
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from nghiquyet.documents import Document
from nghiquyet.encode import Encoded
from nghiquyet.labels import LABELS, OUTSIDE


def to_jsonl(document: Document) -> str:
    """One JSON object without a line end: `id`, `text`, `entities` with `start`, `end`, `label`, `text`, `score`."""
    entities = [
        {"start": e.start, "end": e.end, "label": e.label, "text": e.text, "score": round(e.score, 4)}
        for e in document.entities
    ]
    return json.dumps({"id": document.id, "text": document.text, "entities": entities}, ensure_ascii=False)


def to_conll(document: Document, encoded: Encoded) -> str:
    """`word TAB tag` a line, an empty line after each line of the text, `# id = ...` on top.

    Words are those of `encoded`; white space inside one is written as `_`.
    """
    starts = {e.start: e for e in document.entities}
    lines = [f"# id = {document.id}"]
    inside = None
    for first, last in encoded.lines:
        for start, end in encoded.spans[first:last]:
            entity = starts.get(start)
            if entity is not None:
                tag, inside = f"B-{entity.label}", entity
            elif inside is not None and end <= inside.end:
                tag = f"I-{inside.label}"
            else:
                tag, inside = OUTSIDE, None
            lines.append("_".join(document.text[start:end].split()) + f"\t{tag}")
        lines.append("")
    return "\n".join(lines) + "\n"


def to_table(document: Document) -> Table:
    """Offsets, label, score and text of each entity."""
    table = Table(title=Text(document.id), title_justify="left", title_style="bold")
    for name in ("start", "end"):
        table.add_column(name, justify="right")
    table.add_column("label")
    table.add_column("score", justify="right")
    table.add_column("text", overflow="fold")
    colours = {label.name: label.colour for label in LABELS}
    for e in document.entities:
        label = Text(f" {e.label} ", style=f"white on {colours[e.label]}")
        table.add_row(str(e.start), str(e.end), label, f"{e.score:.2f}", Text(" ".join(e.text.split())))
    return table


def to_html(documents: Iterable[Document]) -> Iterator[str]:
    """The parts of one self-contained page: legend, then each text with its entities in colour."""
    kept = list(documents)
    counts = Counter(e.label for document in kept for e in document.entities)
    legend = "".join(
        f'<li><mark class="{x.name}">{x.name}</mark> {counts[x.name]} <span>{html.escape(x.description)}</span></li>'
        for x in LABELS
    )
    yield f"{_HEAD}<ul class=legend>{legend}</ul>\n"
    for document in kept:
        yield f"<article><h2>{html.escape(document.id)}</h2><p>{_marked(document)}</p></article>\n"
    yield "</main></body></html>\n"


def _marked(document: Document) -> str:
    parts, position = [], 0
    for e in document.entities:
        parts.append(html.escape(document.text[position : e.start]))
        title = f"{e.label} {e.score:.2f} [{e.start}, {e.end})"
        parts.append(f'<mark class="{e.label}" title="{title}">{html.escape(e.text)}</mark>')
        position = e.end
    parts.append(html.escape(document.text[position:]))
    return "".join(parts)


def _colours() -> Sequence[str]:
    return [f"mark.{label.name} {{ background: {label.colour}; }}" for label in LABELS]


_HEAD = f"""<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>nghiquyet</title>
<style>
body {{ margin: 0; background: #f6f6f3; color: #1c1c1c; font: 1.0625rem/1.75 system-ui, sans-serif; }}
main {{ max-width: 48rem; margin: 0 auto; padding: 1rem; }}
article p {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
h2 {{ font-size: 1rem; color: #555; border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }}
mark {{ color: #fff; border-radius: .25em; padding: .05em .3em;
  box-decoration-break: clone; -webkit-box-decoration-break: clone; }}
{chr(10).join(_colours())}
.legend {{ position: sticky; top: 0; margin: 0 -1rem; padding: .5rem 1rem; background: #f6f6f3ee; list-style: none;
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .875rem; border-bottom: 1px solid #ccc; }}
.legend span {{ color: #666; }}
@media (max-width: 40rem) {{ .legend span {{ display: none; }} }}
@media print {{ .legend {{ position: static; }}
  mark {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }} }}
</style></head><body><main>
"""
