"""Counted transitions against gold whose tags are known."""

import numpy as np
import pytest

from nghiquyet.decode import Decoder
from nghiquyet.documents import Document, Entity
from nghiquyet.encode import Encoder
from nghiquyet.labels import LABELS
from nghiquyet_training.transitions import count_transitions

OUTSIDE, BEGIN, INSIDE = 0, LABELS.begin("ORG"), LABELS.inside("ORG")


def test_what_follows_often_weighs_more(encoder: Encoder) -> None:
    text = "Huyện ủy họp"
    documents = [Document(str(i), text, (Entity.of(text, 0, 8, "ORG"),)) for i in range(50)]
    weights = np.array(count_transitions(documents, encoder, 1.0))
    # 50 lines O B I O O, of 4 steps each, and one added to each of the 81 pairs
    after_begin = (50 + 1) / (50 + 9)
    alone = (50 + 9) / (200 + 81)
    assert weights[BEGIN, INSIDE] == pytest.approx(np.log(after_begin / alone), abs=1e-4)
    assert weights[BEGIN, INSIDE] > 0 > weights[BEGIN, OUTSIDE]
    assert np.array(count_transitions(documents, encoder, 0.5)) == pytest.approx(weights / 2, abs=1e-4)


def test_illegal_steps_are_not_weighed_and_lines_do_not_touch(encoder: Encoder) -> None:
    text = "Huyện ủy\nHuyện ủy"
    document = Document("a", text, (Entity.of(text, 0, 8, "ORG"), Entity.of(text, 9, 17, "ORG")))
    weights = np.array(count_transitions([document] * 50, encoder, 1.0))
    assert not weights[~Decoder().legal].any()
    assert weights[INSIDE, BEGIN] < 0
