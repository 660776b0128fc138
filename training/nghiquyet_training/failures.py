"""Examples of errors, each a line that shows the place: what a model card says of where the model fails."""

from collections.abc import Iterator, Sequence

from nghiquyet.documents import Document
from nghiquyet.scoring import ErrorKind, Key, SpanError, errors, pair

AROUND = 30  # characters of context on either side


def failure_examples(gold: Sequence[Document], predicted: Sequence[Document], limit: int) -> list[str]:
    """At most `limit` lines, the kinds of error by turns, each label by turns within its kind."""
    queues: dict[tuple[ErrorKind, str], list[str]] = {}
    for document, found in pair(gold, predicted):
        for error in errors(document.keys, found.keys):
            lines = queues.setdefault((error.kind, error.label), [])
            if (line := _line(document.text, error)) not in lines:
                lines.append(line)
    return list(_by_turns([queues[key] for key in sorted(queues)]))[:limit]


def _by_turns(queues: Sequence[list[str]]) -> Iterator[str]:
    for i in range(max(map(len, queues), default=0)):
        for queue in queues:
            if i < len(queue):
                yield queue[i]


def _line(text: str, error: SpanError) -> str:
    """`wrong boundary: gold ORG "..."; found ORG "..."; in "… context …"`, on one line."""
    spans = [*error.gold, *error.predicted]
    start, end = min(key[0] for key in spans), max(key[1] for key in spans)
    context = _flat(text[max(0, start - AROUND) : end + AROUND])
    sides = [
        f"{name} {', '.join(_span(text, key) for key in keys)}"
        for name, keys in (("gold", error.gold), ("found", error.predicted))
        if keys
    ]
    return f"{error.kind.value}: {'; '.join(sides)}; in `… {context} …`"


def _span(text: str, key: Key) -> str:
    return f"{key[2]} `{_flat(text[key[0] : key[1]])}`"


def _flat(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
