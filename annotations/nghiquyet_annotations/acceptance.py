"""What annotators did with pre-annotations: kept, changed, deleted, added. Much kept is good, or a sign of anchoring.

Label Studio marks each region of an annotation with its `origin`: `prediction` where it was left as it was predicted,
`prediction-changed` where it was moved or relabelled, `manual` where it was drawn.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nghiquyet.errors import AnnotationError
from nghiquyet.labels import LABELS

KEPT, CHANGED, ADDED = ORIGINS = ("prediction", "prediction-changed", "manual")
DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Spans by what was done with them and by label, over the annotations that began from a prediction.

    `blind` are the annotations of tasks without a prediction: they show what annotators mark by themselves.
    """

    counts: Counter[tuple[str, str]]
    annotations: int
    blind: int

    def rate(self, label: str | None = None) -> float | None:
        """Share of predicted spans that were kept unchanged; None where none was predicted."""
        predicted = sum(self.of(what, label) for what in (KEPT, CHANGED, DELETED))
        return self.of(KEPT, label) / predicted if predicted else None

    def of(self, what: str, label: str | None = None) -> int:
        """How many spans of a label, or of all, something was done with."""
        return sum(n for (done, name), n in self.counts.items() if done == what and label in (None, name))


def acceptance(items: Iterable[Any]) -> Acceptance:
    """Counts over the items of an export with predictions; skipped annotations are left out.

    AnnotationError where predictions are there as numbers alone, as in an export that was not made by `pull`.
    """
    counts: Counter[tuple[str, str]] = Counter()
    annotations = blind = 0
    for item in items:
        predictions = _predictions(item)
        for annotation in item.get("annotations") or ():
            if annotation.get("was_cancelled"):
                continue
            begun_from = predictions.get(annotation.get("parent_prediction"))
            if begun_from is None:
                blind += 1
                continue
            annotations += 1
            counts += _compared(annotation.get("result") or [], begun_from.get("result") or [])
    return Acceptance(counts, annotations, blind)


def _predictions(item: dict[str, Any]) -> dict[int, dict[str, Any]]:
    found = item.get("predictions") or []
    if any(isinstance(prediction, int) for prediction in found):
        raise AnnotationError(
            f"task {item.get('id')} has its predictions as numbers alone, so what became of them is not known; "
            "export with nghiquyet-annotate pull"
        )
    return {prediction["id"]: prediction for prediction in found if isinstance(prediction, dict) and "id" in prediction}


def _compared(result: list[dict[str, Any]], predicted: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """A predicted region whose id the annotation no longer has was deleted."""
    counts = Counter((str(region.get("origin", ADDED)), _label(region)) for region in result if _is_span(region))
    left = {region.get("id") for region in result}
    counts.update(
        (DELETED, _label(region)) for region in predicted if _is_span(region) and region.get("id") not in left
    )
    return counts


def _is_span(region: dict[str, Any]) -> bool:
    return region.get("type") == "labels" and isinstance(region.get("value"), dict)


def _label(region: dict[str, Any]) -> str:
    names = region["value"].get("labels") or []
    return names[0] if len(names) == 1 and names[0] in LABELS.names else "other"
