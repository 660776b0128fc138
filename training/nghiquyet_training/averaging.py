"""AdamW that keeps a running average of the weights (EMA) beside them, as a part of its own state.

The average is saved, resumed and sharded with the optimiser's other state; nothing else has to know of it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_AVERAGE = "average"


class AveragingAdamW(torch.optim.AdamW):
    """After each step, average <- decay * average + (1 - decay) * weights.

    In the first steps the decay is smaller, (1 + steps) / (10 + steps), so that the random beginning is soon forgotten
    (as in TensorFlow's ExponentialMovingAverage).
    """

    def __init__(self, groups: Iterable[dict[str, Any]], decay: float, **options: Any) -> None:
        super().__init__(groups, **options)
        self._decay = decay

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step, then the average."""
        loss = super().step(closure)
        for parameter in self._trained():
            state = self.state[parameter]
            steps = float(state["step"])
            if _AVERAGE not in state:
                state[_AVERAGE] = parameter.detach().clone()
            else:
                decay = min(self._decay, (1 + steps) / (10 + steps))
                state[_AVERAGE].lerp_(parameter, 1 - decay)
        return loss

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model holds the averages inside, and its own weights again outside."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges weights and averages; before the first step there is nothing to exchange."""
        for parameter in self._trained():
            if _AVERAGE in self.state[parameter]:
                weights = parameter.detach().clone()
                parameter.copy_(self.state[parameter][_AVERAGE])
                self.state[parameter][_AVERAGE].copy_(weights)

    def _trained(self) -> Iterator[Tensor]:
        """The weights that have had a gradient."""
        return (p for group in self.param_groups for p in group["params"] if self.state.get(p))
