"""Real processes: a run that is killed at any step and resumed, and a run that two processes share."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from nghiquyet_training.run import run
from tests.conftest import GOLD, ROOT, TINY_ENCODER
from tests.training.test_run import smoke

COMMAND = ("-m", "nghiquyet_training.cli", "run", str(ROOT / "configs" / "smoke.yaml"))


def arguments(output: Path, settings: tuple[str, ...]) -> list[str]:
    every = (f"output={output}", f"encoder.path={TINY_ENCODER}", f"data.train=[{GOLD}]", *settings)
    return [*COMMAND, *(word for setting in every for word in ("--set", setting))]


def environment() -> dict[str, str]:
    """The order of sums depends on the number of threads: the same in all processes."""
    return {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}


def weights(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "model" / "model.safetensors")


def newest_step(output: Path) -> int:
    return max((int(path.name.rpartition("-")[2]) for path in output.glob("checkpoints/checkpoint-*")), default=0)


def test_killed_at_any_step_and_resumed_it_ends_at_the_same_weights(tmp_path: Path) -> None:
    settings = ("optimizer.epochs=6", "optimizer.checkpoint_steps=3", "optimizer.bf16=false", "optimizer.ema=0.9")
    run(smoke(tmp_path / "whole", *settings))
    broken = tmp_path / "broken"
    wanted = random.randrange(3, 30)
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        command = [sys.executable, *arguments(broken, settings)]
        process = subprocess.Popen(command, env=environment(), stdout=log, stderr=log)
        deadline = time.monotonic() + 300
        while newest_step(broken) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
        process.wait()
    assert wanted <= newest_step(broken), (tmp_path / "log").read_text("utf-8")
    assert not (broken / "model").exists(), "it was killed too late"
    run(smoke(broken, *settings), resume=True)
    whole, resumed = weights(tmp_path / "whole"), weights(broken)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole), f"killed at step {wanted}"


def test_two_processes_end_where_one_does(tmp_path: Path) -> None:
    # Each gold window twice, and two windows a step: then no step has to be filled up.
    settings = ("optimizer.batch=2", "data.gold_repeats=2", "optimizer.epochs=1", "encoder.dropout=0")
    settings += ("optimizer.bf16=false", "optimizer.checkpoint_steps=50", "data.train=[]")
    settings += (f"data.split=[{GOLD}]", "data.dev_tenths=[5]", "optimizer.learning_rate=3e-3")
    alone = run(smoke(tmp_path / "one", *settings))["development"]["micro"].counts
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, *arguments(tmp_path / "two", settings)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("model: ") == 1
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name in one:
        torch.testing.assert_close(one[name], two[name], atol=2e-3, rtol=0)
    from nghiquyet import Predictor
    from nghiquyet.label_studio import read_documents
    from nghiquyet.scoring import pair, total
    from nghiquyet_training.trainer import predict_documents

    gold = [d for d in read_documents([GOLD]) if d.id == "f5b2c38b88604859"]
    shared = total(pair(gold, predict_documents(Predictor.load(tmp_path / "two" / "model"), gold)))
    assert abs(shared.f1 - alone.f1) < 0.02
