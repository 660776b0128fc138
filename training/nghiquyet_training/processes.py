"""One training run in several processes, as `torchrun` or `accelerate launch` starts them: who is who, and who writes.

Both launchers tell each process its place in environment variables. Without them there is one process, and all of
this does nothing.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def process_count() -> int:
    """Processes of this launch, on all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return int(os.environ.get("RANK", "0")) == 0


def is_sharded() -> bool:
    """Whether `accelerate launch --use_fsdp` started this: no process holds the whole model."""
    return os.environ.get("ACCELERATE_USE_FSDP", "").lower() in ("1", "true", "yes")


def device_count() -> int:
    """What a step is shared among: the processes, or the GPUs of a process that was not launched with others."""
    if process_count() > 1:
        return process_count()
    return max(1, torch.cuda.device_count())


@contextmanager
def together() -> Iterator[None]:
    """Joins the processes of a launch (over NCCL on GPUs, else over gloo), and parts them at the end."""
    if process_count() == 1:
        yield
        return
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    yield  # after an error the launcher ends the others: parting in order would wait for them
    state.wait_for_everyone()
    state.destroy_process_group()


@contextmanager
def one_on_each_machine_first() -> Iterator[None]:
    """The first process of a machine goes ahead, the others follow when it is done: one download, one conversion."""
    if process_count() == 1:
        yield
        return
    from accelerate import PartialState

    with PartialState(cpu=not torch.cuda.is_available()).local_main_process_first():
        yield


def from_first(values: dict[str, float]) -> dict[str, float]:
    """The first process's `values`, in every process: what is decided by them is decided alike."""
    if process_count() == 1:
        return values
    from accelerate.utils import broadcast_object_list

    shared: list[dict[str, float]] = broadcast_object_list([values])
    return shared[0]
