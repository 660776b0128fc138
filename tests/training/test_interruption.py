"""Real processes: a run that is killed at any step and resumed, and a run that two processes share."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nghiquyet.errors import ConfigError
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


Done = subprocess.CompletedProcess[str]
# accelerate calls every launch of several processes on one machine so; without GPUs they talk over gloo.
ACCELERATE = ["--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"]
ACCELERATE += ["--mixed_precision", "no", "--dynamo_backend", "no"]
LAUNCHERS = {
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    "accelerate": [
        "-m",
        "accelerate.commands.launch",
        *ACCELERATE,
        "--dynamo_backend",
        "no",
        "--main_process_port",
        "0",
    ],
}


def launch(
    launcher: str, output: Path, settings: tuple[str, ...], **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *LAUNCHERS[launcher], *arguments(output, settings)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_end_where_one_does(launcher: str, tmp_path: Path) -> None:
    # Each gold window twice, and two windows a step: then no step has to be filled up.
    settings = ("optimizer.batch=2", "data.gold_repeats=2", "optimizer.epochs=1", "encoder.dropout=0")
    settings += ("optimizer.bf16=false", "optimizer.checkpoint_steps=50", "data.train=[]")
    settings += (f"data.split=[{GOLD}]", "data.dev_tenths=[5]", "optimizer.learning_rate=3e-3")
    alone = run(smoke(tmp_path / "one", *settings))["development"]["micro"].counts
    done = launch(launcher, tmp_path / "two", settings)
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
    predictor = Predictor.load(tmp_path / "two" / "model")
    assert predictor.artefact is not None
    assert "in 2 processes" in predictor.artefact.manifest.footprint["fine-tuning"]
    shared = total(pair(gold, predict_documents(predictor, gold)))
    assert abs(shared.f1 - alone.f1) < 0.02


def test_fsdp_is_refused_where_it_cannot_work(tmp_path: Path) -> None:
    done = launch("torchrun", tmp_path / "parted", (), ACCELERATE_USE_FSDP="true")
    assert done.returncode != 0
    assert "error: FSDP parts a model among GPUs, and there are none here; launch without --use_fsdp" in done.stderr
    assert not (tmp_path / "parted").exists()


def test_fsdp_leaves_out_the_development_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    settings = ("data.train=[]", f"data.split=[{GOLD}]", "data.dev_tenths=[5]")
    with pytest.raises(ConfigError, match=r"--set data.dev_tenths=\[\]"):
        run(smoke(tmp_path / "run", *settings))
    with pytest.raises(ConfigError, match=r"optimizer.chain=false"):
        run(smoke(tmp_path / "run", "optimizer.chain=true"))
