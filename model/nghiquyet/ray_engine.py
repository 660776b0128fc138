"""Prediction of a corpus on Ray Data: on the cores of this machine, or the same command on a cluster.

Shards go to a pool of workers that each load the model once. Ray starts a worker that died anew and gives it the
shard again. On a cluster, all machines must see the files and the output folder under the same paths.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.progress import track

from nghiquyet.artefact import open_artefact
from nghiquyet.errors import ConfigError, InputError, MissingExtraError
from nghiquyet.parallel import Answer, ModelChoice, answers
from nghiquyet.sources import Source

STARTS = 3  # attempts to start a Ray of our own


@dataclass(frozen=True, slots=True)
class Job:
    """What is predicted, with which model, and where the answers go."""

    choice: ModelChoice
    files: tuple[str, ...]
    output: Path
    text_field: str = "text"
    min_score: float | None = None


class ShardWorker:
    """Answers shards: reads, predicts, writes. Lives in a process of Ray."""

    def __init__(self, choice: ModelChoice, output: str, text_field: str, min_score: float | None) -> None:
        self._predictor = choice.load()
        self._output = Path(output)
        self._text_field = text_field
        self._min_score = min_score

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        from nghiquyet.shards import Shard, read, write

        shard = Shard(**row)
        answered = self._answers(list(read(shard, self._text_field)))
        return {"number": shard.number, "failed": write(answered, shard.output(self._output))}

    def _answers(self, sources: Sequence[Source | InputError]) -> Iterator[tuple[Source | None, Answer]]:
        readable = (source for source in sources if isinstance(source, Source))
        found = answers(self._predictor, readable, self._min_score)
        for source in sources:
            yield (source, next(found)) if isinstance(source, Source) else (None, source)


def predict_corpus(job: Job, *, workers: int, resume: bool, console: Console, texts: int | None = None) -> int:
    """Fills `job.output` with a Parquet file for each shard (see `shards.SCHEMA`); returns how many texts failed.

    With `resume`, shards whose file is there are left out. Raises InputError where the folder holds something else.
    `texts`: texts in a shard; None takes `shards.SHARD_TEXTS`.
    """
    try:
        import ray

        from nghiquyet.shards import SHARD_TEXTS, begin, plan
    except ImportError as error:
        raise MissingExtraError("--engine ray", "ray") from error
    shards = plan(job.files, job.text_field, texts or SHARD_TEXTS)
    begin(job.output, _describe(job, texts or SHARD_TEXTS, [shard.path for shard in shards]), resume=resume)
    left = [asdict(shard) for shard in shards if not shard.output(job.output).is_file()]
    if not left:
        return 0
    arguments = (job.choice, str(job.output.resolve()), job.text_field, job.min_score)
    with _connected():
        done = ray.data.from_items(left, override_num_blocks=len(left)).map(
            cast(Any, ShardWorker),  # a class whose instances are the function
            fn_constructor_args=arguments,
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(left))),
            num_cpus=1,
        )
        rows = track(done.iter_rows(), "shards", len(left), console=console, transient=True)
        try:
            return sum(row["failed"] for row in rows)
        except ray.exceptions.RayTaskError as error:
            raise InputError(f"a shard could not be read or written: {error.cause}") from error


def _describe(job: Job, texts: int, paths: list[str]) -> dict[str, Any]:
    """What must be the same for a run to go on: the files by size and time, the model by its hashes, the settings."""
    stats = {path: Path(path).stat() for path in dict.fromkeys(paths)}
    return {
        "files": {path: [stat.st_size, stat.st_mtime_ns] for path, stat in stats.items()},
        "texts in a shard": texts,
        "model": dict(open_artefact(job.choice.model).manifest.files),
        "segmenter": job.choice.segmenter,
        "text field": job.text_field,
        "min score": job.min_score,
    }


@contextmanager
def _connected() -> Iterator[None]:
    """A connection to the cluster that RAY_ADDRESS names, or to a Ray of our own on this machine."""
    import ray

    ours = not ray.is_initialized()
    if ours:
        _start()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    try:
        yield
    finally:
        if ours:
            ray.shutdown()


def _start() -> None:
    """Joins or starts Ray. Its own processes have 30 s to start, whatever else the machine does: it may try again."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = os.environ.get("RAY_ADDRESS")
    for left in range(0 if address else STARTS - 1, -1, -1):
        try:
            ray.init(include_dashboard=None if address else False, log_to_driver=False, logging_level=logging.ERROR)
            return
        except Exception as error:  # Ray raises the plain kind where a node does not start in time
            ray.shutdown()
            if not left:
                where = (
                    f"the cluster at RAY_ADDRESS={address} cannot be reached" if address else "Ray did not start here"
                )
                raise ConfigError(f"{where}: {error} Without Ray: --engine local --workers N") from error
