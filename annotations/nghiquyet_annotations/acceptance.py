"""What annotators did with pre-annotations: kept, changed, deleted, added. Much kept is good, or a sign of anchoring.

Label Studio marks each region of an annotation with its `origin`: `prediction` where it was left as it was predicted,
`prediction-changed` where it was moved or relabelled, `manual` where it was drawn.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nghiquyet.errors import AnnotationError
from nghiquyet.label_studio import is_result, parse_task
from nghiquyet.labels import LABELS

KEPT, CHANGED, ADDED = ORIGINS = ("prediction", "prediction-changed", "manual")
DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Spans by what was done with them and by label, over the annotations that began from a prediction.

    `blind` annotations had none: their spans, by label, show what annotators mark by themselves. `lost` ones began from
    a prediction that the export no longer has, so nothing is known of them.
    """

    counts: Counter[tuple[str, str]]
    annotations: int
    blind_counts: Counter[str]
    blind: int
    lost: int = 0

    def rate(self, label: str | None = None) -> float | None:
        """Share of predicted spans that were kept unchanged; None where none was predicted."""
        predicted = sum(self.of(what, label) for what in (KEPT, CHANGED, DELETED))
        return self.of(KEPT, label) / predicted if predicted else None

    def of(self, what: str, label: str | None = None) -> int:
        """How many spans of a label, or of all, something was done with; a changed one counts as it was predicted."""
        return sum(n for (done, name), n in self.counts.items() if done == what and label in (None, name))

    @property
    def spans_each(self) -> float | None:
        """Spans that an annotation begun from a prediction ended with, on average."""
        ended = sum(self.of(what) for what in (KEPT, CHANGED, ADDED))
        return ended / self.annotations if self.annotations else None

    @property
    def blind_spans_each(self) -> float | None:
        """Spans that an annotation without a prediction ended with, on average."""
        return self.blind_counts.total() / self.blind if self.blind else None


def acceptance(items: Iterable[Any]) -> Acceptance:
    """Counts over the items of an export with predictions; skipped annotations are left out.

    AnnotationError where predictions are there as numbers alone, as in an export that was not made by `pull`.
    """
    counts, blind_counts = Counter[tuple[str, str]](), Counter[str]()
    annotations = blind = lost = 0
    for number, item in enumerate(items):
        parse_task(item, f"item {number}")  # what follows relies on its shape
        predictions = _predictions(item)
        for annotation in item.get("annotations") or ():
            parent, result = annotation.get("parent_prediction"), annotation.get("result") or []
            if annotation.get("was_cancelled"):
                continue
            if parent is None:
                blind += 1
                blind_counts.update(_label(region) for region in result if _is_span(region))
            elif parent in predictions:
                annotations += 1
                counts += _compared(result, predictions[parent])
            else:
                lost += 1
    return Acceptance(counts, annotations, blind_counts, blind, lost)


def _predictions(item: dict[str, Any]) -> dict[Any, list[dict[str, Any]]]:
    """The regions of each prediction, by its id."""
    found = item.get("predictions") or []
    where = f"task {item.get('id')}"
    if not isinstance(found, list):
        raise AnnotationError(f"{where}: 'predictions' is {type(found).__name__}; needed a list")
    if any(isinstance(prediction, int) for prediction in found):
        raise AnnotationError(
            f"{where} has its predictions as numbers alone, so what became of them is not known; "
            "export with nghiquyet-annotate pull"
        )
    if not all(isinstance(prediction, dict) and is_result(prediction.get("result") or []) for prediction in found):
        raise AnnotationError(f"{where}: a prediction is no object with a list of regions as its 'result'")
    return {prediction.get("id"): prediction.get("result") or [] for prediction in found}


def _compared(result: list[dict[str, Any]], predicted: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """A predicted region whose id the annotation no longer has was deleted; a changed one may be labelled anew."""
    before = {region.get("id"): _label(region) for region in predicted if _is_span(region)}
    spans = [region for region in result if _is_span(region)]
    counts = Counter(
        (str(region.get("origin", ADDED)), before.get(region.get("id"), _label(region))) for region in spans
    )
    left = {region.get("id") for region in result}
    counts.update((DELETED, label) for name, label in before.items() if name not in left)
    return counts


def _is_span(region: dict[str, Any]) -> bool:
    return region.get("type") == "labels" and isinstance(region.get("value"), dict)


def _label(region: dict[str, Any]) -> str:
    names = region["value"].get("labels") or []
    return names[0] if len(names) == 1 and names[0] in LABELS.names else "other"
