import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nghiquyet_annotations.ranking import rank, tf_idf

A = "Huyện ủy Thanh Oai tổ chức học tập nghị quyết"
B = "Đội bóng thắng ba trận liền trên sân nhà"
C = "Giá lúa tăng ở đồng bằng sông Cửu Long"


def test_the_least_sure_come_first_where_all_are_unlike() -> None:
    assert rank([A, B, C], [0.9, 0.5, 0.7]) == [1, 2, 0]


def test_a_copy_of_what_is_chosen_or_annotated_comes_last() -> None:
    assert rank([A, A + ".", B], [0.1, 0.2, 0.9]) == [0, 2, 1]
    assert rank([A, B], [0.1, 0.9], annotated=[A]) == [1, 0]


def test_nothing_to_rank() -> None:
    assert rank([], []) == []


def test_rows_have_length_1() -> None:
    np.testing.assert_allclose(np.linalg.norm(tf_idf([A, B]), axis=1), 1.0, rtol=1e-5)


@given(st.lists(st.tuples(st.text(), st.floats(0, 1)), max_size=12), st.lists(st.text(), max_size=4))
def test_each_text_stands_once(texts: list[tuple[str, float]], annotated: list[str]) -> None:
    order = rank([text for text, _ in texts], [confidence for _, confidence in texts], annotated)
    assert sorted(order) == list(range(len(texts)))
