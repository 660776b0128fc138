"""Sends many items to a server in batches, each exactly once, also where the answer to a batch was lost."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from nghiquyet_annotations.server import ServerError

LOOKS = 3  # how often a delivery whose outcome is unknown looks at what arrived and goes on

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
    left = items
    for look in range(1, LOOKS + 1):
        try:
            while left:
                send(left[:batch])
                advance(len(left[:batch]))
                left = left[batch:]
            return
        except ServerError as error:
            if look == LOOKS or not error.may_pass:
                raise
            before = len(left)
            left = missing(left)
            advance(before - len(left))
