"""Training in the background: one job at a time, each in a folder and a thread of its own."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from nghiquyet.errors import ConfigError, NghiquyetError
from nghiquyet_annotations.raw import write_json
from nghiquyet_annotations.retrain import Commands, Decision, compare, prepare, train
from nghiquyet_annotations.serving import Model, Served

log = logging.getLogger(__name__)


class JobState(StrEnum):
    """Where a job is, or how it ended."""

    PULLING = "pulling"
    TRAINING = "training"
    COMPARING = "comparing"
    SWAPPED = "swapped"
    KEPT = "kept"
    FAILED = "failed"


ENDED = (JobState.SWAPPED, JobState.KEPT, JobState.FAILED)


@dataclass(slots=True)
class Job:
    """One training. `folder` keeps all of it: export, logs, run, model, decision."""

    id: str
    project: int
    folder: str
    state: JobState = JobState.PULLING
    message: str = ""


class TrainingRunsError(NghiquyetError):
    """A training was asked for while another one runs."""


class Trainer:
    """Trains on a project's annotations and swaps the served model where the new one is at least as good.

    `pull` saves the export of a project, by its number, in a folder and returns its path; `config` is what
    `nghiquyet-train run` is given; `dev` are exports with further development documents. A job that fails leaves the
    served model as it is.
    """

    def __init__(
        self, served: Served, config: Path, work: Path, pull: Callable[[int, Path], Path], dev: tuple[Path, ...] = ()
    ) -> None:
        for path in (config, *dev):
            if not path.is_file():
                raise ConfigError(f"{path} is no file; needed a training configuration (configs/) or an export")
        self.served, self.config, self.work, self.pull, self.dev = served, config, work, pull, dev
        self.job: Job | None = None
        self._lock = threading.Lock()
        self._commands = Commands()

    def begin(self, project: int) -> Job:
        """Starts a job and returns at once; TrainingRunsError where one runs."""
        with self._lock:
            if self.job and self.job.state not in ENDED:
                raise TrainingRunsError(f"training {self.job.id} still runs ({self.job.state}); wait until it ends")
            name = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
            self.job = Job(name, project, str(self.work / name))
        log.info("training %s begins, on project %d", name, project)
        threading.Thread(target=self._work, args=(self.job,), name=f"training {name}", daemon=True).start()
        return self.job

    def stop(self) -> None:
        """Ends what runs; its job fails."""
        self._commands.stop()

    def _work(self, job: Job) -> None:
        try:
            decision = self._train(job)
        except Exception as error:  # whatever it was, the old model goes on being served
            log.error("training %s failed, %s stays: %s", job.id, self._version, error, exc_info=_unexpected(error))
            job.message, job.state = str(error), JobState.FAILED
            return
        log.info("training %s: %s", job.id, decision)
        job.message, job.state = str(decision), JobState.SWAPPED if decision.swap else JobState.KEPT

    def _train(self, job: Job) -> Decision:
        folder = Path(job.folder)
        folder.mkdir(parents=True)
        data = prepare(self.pull(job.project, folder), folder, self.dev)
        job.state = JobState.TRAINING
        new = Model.load(train(self._commands, self.config, data))
        job.state = JobState.COMPARING
        old = self.served.model
        assert old is not None  # begun by a request, which is answered only once a model is there
        decision = compare(old, new, data.dev)
        write_json(folder / "decision.json", decision.record())
        if decision.swap:
            self.served.model = new
        return decision

    @property
    def _version(self) -> str:
        return self.served.model.version if self.served.model else "no model"


def _unexpected(error: Exception) -> bool:
    """Whether an error is a bug, of which the traceback is wanted."""
    return not isinstance(error, NghiquyetError)
