"""Clocks: runs that take turns, single calls, and whole processes."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Call = Callable[[], object]


def seconds(call: Call) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def steady_seconds(call: Call, least: float = 1.0) -> float:
    """Seconds of one call, on average over as many as last `least` seconds: what others left in the caches is gone."""
    taken: list[float] = []
    while sum(taken) < least:
        taken.append(seconds(call))
    return statistics.fmean(taken)


@dataclass(frozen=True, slots=True)
class Turns:
    """Seconds of each call, and of the reference beside them: a fixed piece of work that shows how quiet it was."""

    calls: Mapping[str, list[float]]
    reference: list[float]

    def median(self, name: str) -> float:
        return statistics.median(self.calls[name])

    @property
    def noise(self) -> float:
        """The middle nine tenths of the reference, as a share of its median."""
        low, high = quantile(self.reference, 0.05), quantile(self.reference, 0.95)
        return (high - low) / statistics.median(self.reference)


def take_turns(calls: Mapping[str, Call], reference: Call, repeats: int) -> Turns:
    """Each call once a round, or a second long, the reference before it, after a round that is not counted."""
    found = Turns({name: [] for name in calls}, [])
    for round_number in range(repeats + 1):
        for name, call in calls.items():
            taken = seconds(reference), steady_seconds(call)
            if round_number:
                found.reference.append(taken[0])
                found.calls[name].append(taken[1])
        print(f"  round {round_number} of {repeats}", flush=True)
    return found


def again(call: Call, *, most: int, budget: float) -> list[float]:
    """Seconds of the same call, over and over: `most` times, or until `budget` seconds are spent, but five times."""
    call()
    taken: list[float] = []
    while len(taken) < most and (len(taken) < 5 or sum(taken) < budget):
        taken.append(seconds(call))
    return taken


def quantile(values: Sequence[float], share: float) -> float:
    """Of sorted values the one at `share` of the way, the nearer of two."""
    return sorted(values)[round(share * (len(values) - 1))]


@dataclass(frozen=True, slots=True)
class Process:
    """A whole process: seconds from start to end, and the most memory that it held, in MB."""

    seconds: float
    megabytes: float


# What the system counts for a child begins with its parent's memory, so the child says it itself.
SAY_MEMORY = r"""
import re
print(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1])
"""


def run_process(code: str, *options: str) -> Process:
    """A fresh interpreter that runs `code`. Linux."""
    begin = time.perf_counter()
    command = [sys.executable, *options, "-c", code + SAY_MEMORY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"exit status {done.returncode}: {code}\n{done.stderr}")
    return Process(time.perf_counter() - begin, int(done.stdout.split()[-1]) / 1024)


def import_times(module: str) -> list[tuple[str, float]]:
    """Milliseconds of each module that `import module` loads, itself and all that it loads, from `-X importtime`."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    rows = [line.removeprefix("import time:").split("|") for line in printed.splitlines()[1:]]
    return [(name.strip(), int(cumulative) / 1000) for _, cumulative, name in rows]
