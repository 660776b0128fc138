"""Sends many items to a server in batches, each exactly once, also where the answer to a batch was lost."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from nghiquyet_annotations.server import ServerError

LOOKS = 3  # how often a delivery whose outcome is unknown looks at what arrived, and finds nothing, before it ends

T = TypeVar("T")


def deliver(
    items: Sequence[T],
    send: Callable[[Sequence[T]], object],
    missing: Callable[[Sequence[T]], Sequence[T]],
    *,
    batch: int,
    advance: Callable[[int], None] = lambda n: None,
) -> None:
    """Calls `send` with `batch` items at a time; `advance` is told how many more the server has.

    Where a request failed nobody knows whether its items arrived: `missing` says which of some items the server lacks,
    and the delivery goes on with them. A ServerError that does not pass is raised; what was sent stays.
    """
    left, fruitless = items, 0
    while left:
        try:
            send(left[:batch])
            arrived = min(batch, len(left))
            left, fruitless = left[batch:], 0
        except ServerError as error:
            if not error.may_pass:
                raise
            before = len(left)
            left = missing(left)
            arrived = before - len(left)
            fruitless = 0 if arrived else fruitless + 1
            if fruitless == LOOKS:
                raise
        advance(arrived)
