"""Delivery over a line that loses requests and answers."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nghiquyet_annotations.deliver import LOOKS, deliver
from nghiquyet_annotations.server import ServerError

GONE = ServerError("gone")


class Line:
    """A server behind a line: each request arrives and is answered, loses its answer, or never arrives."""

    def __init__(self, fates: Sequence[str]) -> None:
        self.there: list[int] = []
        self._fates = list(fates)

    def send(self, items: Sequence[int]) -> None:
        fate = self._fates.pop(0) if self._fates else "answered"
        if fate != "never arrives":
            self.there += items
        if fate != "answered":
            raise GONE

    def missing(self, items: Sequence[int]) -> list[int]:
        return [item for item in items if item not in self.there]


@given(st.lists(st.sampled_from(["answered", "answer lost", "never arrives"]), max_size=20), st.integers(0, 30))
def test_each_item_arrives_once_or_the_error_is_told(fates: list[str], size: int) -> None:
    line, items = Line(fates), list(range(size))
    done: list[int] = []
    try:
        deliver(items, line.send, line.missing, batch=4, advance=done.append)
    except ServerError:
        assert fates.count("never arrives") >= LOOKS
        deliver(line.missing(items), Line([]).send, line.missing, batch=4)
    else:
        assert sorted(line.there) == items
        assert sum(done) == size
    assert len(set(line.there)) == len(line.there)


def test_answers_that_are_always_lost_do_not_stop_it() -> None:
    line = Line(["answer lost"] * 20)
    deliver(list(range(40)), line.send, line.missing, batch=4)
    assert sorted(line.there) == list(range(40))


def test_what_does_not_pass_is_raised_at_once() -> None:
    def refuse(items: Sequence[int]) -> None:
        raise ServerError("refused", 401)

    with pytest.raises(ServerError, match="refused"):
        deliver([1], refuse, lambda items: items, batch=1)
