"""Comparisons, against cases that can be counted by hand."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nghiquyet.documents import Document, Entity
from nghiquyet.render import to_jsonl
from nghiquyet.scoring import Counts, total
from nghiquyet_training.cli import app
from nghiquyet_training.evaluate import read_predictions
from nghiquyet_training.significance import compare, compare_seeds
from tests.conftest import GOLD as GOLD_EXPORT

TEXT = "a b c d e f g h i j "


def document(name: str, found: int) -> Document:
    """Gold has ten persons; `found` of them."""
    return Document(name, TEXT, tuple(Entity.of(TEXT, 2 * i, 2 * i + 1, "PERSON") for i in range(found)))


def documents(*found: int) -> list[Document]:
    return [document(str(i), n) for i, n in enumerate(found)]


GOLD = documents(*[10] * 6)


def test_the_same_answers_are_no_difference() -> None:
    same = compare(GOLD, documents(5, 6, 7, 8, 9, 10), documents(5, 6, 7, 8, 9, 10))
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    assert "same F1" in same.in_words()


def test_p_is_that_of_all_swaps() -> None:
    a, b = (5, 6, 7, 8, 9, 10), (4, 7, 5, 8, 6, 9)
    result = compare(GOLD, documents(*a), documents(*b), rounds=50_000)
    assert result.f1_a == total(zip(GOLD, documents(*a), strict=True)).f1

    def f1(found: tuple[int, ...]) -> float:
        return Counts(sum(found), 60, sum(found)).f1

    differences = []
    for swaps in product((False, True), repeat=6):
        left = tuple(y if swap else x for x, y, swap in zip(a, b, swaps, strict=True))
        right = tuple(x if swap else y for x, y, swap in zip(a, b, swaps, strict=True))
        differences.append(abs(f1(left) - f1(right)))
    exact = np.mean([d >= abs(f1(a) - f1(b)) - 1e-12 for d in differences])
    assert result.p_value == pytest.approx(exact, abs=0.01)


def test_a_clear_difference_is_told_from_a_lucky_one() -> None:
    gold = documents(*[10] * 20)
    clear = compare(gold, documents(*[9] * 20), documents(*[6, 7] * 10))
    assert clear.p_value < 0.001
    assert clear.low > 0
    assert clear.in_words("new", "old").startswith("new is better than old by ")
    lucky = compare(gold, documents(*[9] * 19, 0), documents(*[9] * 10, *[8] * 10))
    assert lucky.p_value > 0.05
    assert lucky.low < 0 < lucky.high
    assert "does not show" in lucky.in_words()


def test_several_seeds_are_compared_by_their_mean() -> None:
    a = [documents(*[8] * 6), documents(*[10] * 6)]
    same = compare_seeds(GOLD, a, [documents(*[9] * 6)])
    assert same.f1_a == pytest.approx(2 * 9 * 6 / (60 + 54))
    assert same.difference == 0
    one = compare_seeds(GOLD, a[:1], a[1:])
    assert one == compare(GOLD, *a)


def test_one_label_alone() -> None:
    assert compare(GOLD, documents(*[9] * 6), documents(*[1] * 6), "ORG").difference == 0


def test_the_command_takes_models_and_files(tiny_onnx: Path, gold: list[Document], tmp_path: Path) -> None:
    perfect = tmp_path / "perfect.jsonl"
    perfect.write_text("".join(f"{to_jsonl(d)}\n" for d in gold), encoding="utf-8")
    call = ["compare", str(perfect), str(tiny_onnx), "--gold", str(GOLD_EXPORT)]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    assert "1.000" in result.output
    assert "points of F1" in result.output
    perfect.write_text(f"{to_jsonl(gold[0])}\n", encoding="utf-8")
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 2
    assert "lacks 4 of 5 documents" in result.output
    perfect.write_text("{}\n", encoding="utf-8")
    assert "needed a line as" in CliRunner().invoke(app, call).output


def test_predictions_with_every_kind_of_line_end_in_a_text_are_read_back(tmp_path: Path) -> None:
    text = "Huyện ủy\u2028Thị ủy\u0085Tỉnh ủy\r\n"
    document = Document("a", text, (Entity.of(text, 9, 15, "ORG"),))
    path = tmp_path / "p.jsonl"
    path.write_text(f"{to_jsonl(document)}\n", encoding="utf-8")
    assert list(read_predictions(path)) == [document]
