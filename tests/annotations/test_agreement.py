from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from nghiquyet.documents import Document, Entity
from nghiquyet.errors import AnnotationError, InputError
from nghiquyet.scoring import MICRO
from nghiquyet_annotations.agreement import agreement, by_annotator, pairwise, token_labels
from nghiquyet_annotations.cli import app

Make = Callable[..., Any]
TEXT = "Huyện ủy Thanh Oai có 9 xã và 5 chi bộ"
NAMES = ("a", "b")


def _document(*spans: tuple[str, str], id: str = "d", text: str = TEXT) -> Document:
    found = sorted((text.index(surface), surface, label) for surface, label in spans)
    return Document(id, text, tuple(Entity.of(text, start, start + len(s), label) for start, s, label in found))


def test_figures_and_differences() -> None:
    first = _document(("Huyện ủy Thanh Oai", "ORG"), ("9 xã", "METRIC"), ("5 chi bộ", "METRIC"))
    second = _document(("Huyện ủy", "ORG"), ("9 xã", "METRIC"), ("5 chi bộ", "ORG"), ("và", "PERSON"))
    found = agreement([first], [second], NAMES)
    assert found.counts[MICRO].f1 == pytest.approx(2 / 7)
    assert found.counts["ORG"].f1 == 0
    assert found.counts["METRIC"].f1 == pytest.approx(2 / 3)
    assert found.counts["RESOLUTION"].f1 == 1.0
    assert [difference.kind for difference in found.differences] == ["edges", "only second", "label"]


def test_agreement_does_not_depend_on_the_order() -> None:
    first, second = [_document(("Huyện ủy Thanh Oai", "ORG"))], [_document(("Huyện ủy", "ORG"), ("9 xã", "METRIC"))]
    one, other = agreement(first, second, NAMES), agreement(second, first, NAMES)
    assert one.counts[MICRO].f1 == other.counts[MICRO].f1
    assert [difference.kind for difference in one.differences] == ["edges", "only second"]
    assert [difference.kind for difference in other.differences] == ["edges", "only first"]


def test_only_common_documents_count() -> None:
    first, second = (
        [_document(("9 xã", "METRIC")), _document(id="e")],
        [_document(("9 xã", "METRIC")), _document(id="f")],
    )
    found = agreement(first, second, NAMES)
    assert (found.documents, found.counts[MICRO].f1, found.left_out) == (1, 1.0, ("e", "f"))


def test_nothing_in_common_and_another_text_are_errors() -> None:
    with pytest.raises(AnnotationError, match="no document in common"):
        agreement([_document()], [_document(id="e")], NAMES)
    with pytest.raises(InputError, match="another text"):
        agreement([_document()], [_document(text="khác")], NAMES)


def test_the_annotators_of_one_export(task: Make, region: Make, save: Make) -> None:
    org, person = region("Huyện ủy Thanh Oai", "ORG"), region("Bùi Hoàng Phan", "PERSON")
    item = task(org, person, by=1)
    for number, result, skipped in ((2, [org], False), (3, [], False), (4, [], True)):
        item["annotations"].append({"id": number, "completed_by": number, "result": result, "was_cancelled": skipped})
    path = save(item)
    assert list(by_annotator(path)) == ["1", "2", "3"]
    found = {(one.first, one.second): one.counts[MICRO].f1 for one in pairwise(path)[0]}
    assert found == {
        ("annotator 1", "annotator 2"): pytest.approx(2 / 3),
        ("annotator 1", "annotator 3"): 0.0,
        ("annotator 2", "annotator 3"): 0.0,
    }


def test_annotators_without_a_common_document_leave_the_others_theirs(task: Make, region: Make, save: Make) -> None:
    shared = [
        task(region("Huyện ủy", "ORG"), by=1),
        task(region("Huyện ủy", "ORG"), by=1, id=2, text="Huyện ủy, Bí thư Huyện ủy"),
    ]
    for item, other in zip(shared, (2, 3), strict=True):
        item["annotations"] += [{**item["annotations"][0], "id": 9, "completed_by": other}]
    path = save(*shared)
    found, apart = pairwise(path)
    assert [(one.first, one.second) for one in found] == [
        ("annotator 1", "annotator 2"),
        ("annotator 1", "annotator 3"),
    ]
    assert apart == [("annotator 2", "annotator 3")]
    shown = CliRunner().invoke(app, ["agreement", str(path)])
    assert shown.exit_code == 0
    assert "annotator 2 and annotator 3 have no document in common" in shown.output
    with pytest.raises(AnnotationError, match="no two of its 2 annotators"):
        pairwise(save(task(by=1), task(by=2, id=2, text="khác")))


def test_one_annotator_is_too_few_and_two_answers_are_too_many(task: Make, save: Make) -> None:
    with pytest.raises(AnnotationError, match="needed two"):
        pairwise(save(task()))
    item = task()
    item["annotations"] *= 2
    with pytest.raises(AnnotationError, match="twice"):
        pairwise(save(item))


def test_an_overlap_is_half_the_way() -> None:
    first = _document(("Huyện ủy Thanh Oai", "ORG"), ("9 xã", "METRIC"))
    second = _document(("Huyện ủy", "ORG"), ("9 xã", "METRIC"))
    found = agreement([first], [second], NAMES)
    assert found.counts[MICRO].f1 == pytest.approx(0.5)
    assert found.overlap[MICRO].f1 == 1.0
    assert found.worst(5) == [("d", found.by_document["d"])]
    assert agreement([first], [first], NAMES).worst(5) == []


def test_kappa_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score

    first = _document(("Huyện ủy Thanh Oai", "ORG"), ("9 xã", "METRIC"))
    second = _document(("Huyện ủy", "ORG"), ("9", "PERSON"), ("5 chi bộ", "METRIC"))
    labels = token_labels(first), token_labels(second)
    assert labels[0][:4] == ["ORG"] * 4
    assert labels[1][:5] == ["ORG", "ORG", "O", "O", "O"]
    found = agreement([first], [second], NAMES)
    assert found.kappa == pytest.approx(cohen_kappa_score(*labels))
    assert found.tokens["ORG", "O"] == 2
    assert found.tokens["METRIC", "PERSON"] == 1
    assert agreement([first], [first], NAMES).kappa == 1.0
    assert agreement([_document()], [_document()], NAMES).kappa == 1.0
