"""Runs of several processes on this machine, forked from a server that has imported everything."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L

from tests.io import kill
from tests.test_train import folder_of

kill.PRELOAD += ["lmlab.train", "lmlab.hardware", "tests.hardware.ranks"]
STEPS = 20
TRAINED = [
    f"budget.steps={STEPS}",
    "checkpoint.every_steps=10",
    "checkpoint.keep=4",
    "arch.dropout=0.0",
    "arch.num_layers=2",
    "arch.num_heads=4",
    "stage.num_validations=1",
    "hardware.accelerator=cpu",
]


class Losses(L.Callback):
    """Writes the loss of every step, as Python prints it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_batch_end(self, trainer: L.Trainer, stage: Any, *rest: Any) -> None:
        if trainer.is_global_zero:
            with self.path.open("a") as file:
                file.write(
                    json.dumps([trainer.global_step, stage.latest["train/loss_nats"]]) + "\n"
                )


def work(config: str, resume: bool) -> int:
    """One process of a run, as lmlab.worker does it."""
    from lmlab.job import read
    from lmlab.train import Training

    training = Training(read(config), resume=resume)
    training.extra_callbacks.append(Losses(Path(config).parent / "losses.jsonl"))
    return training.run()


def ranks(number: int, function: Callable[..., int], *arguments: Any) -> list[int]:
    """The exit codes of `function` in so many processes under torchrun's variables."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    env = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(number)}
    env |= {"LOCAL_WORLD_SIZE": str(number), "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "test"}
    each = [
        {**env, "RANK": str(r), "LOCAL_RANK": str(r)} if number > 1 else {} for r in range(number)
    ]
    processes = [kill.start(function, *arguments, env=one) for one in each]
    for process in processes:
        process.join(120)
        if process.exitcode is None:
            process.kill()
    return [process.exitcode for process in processes]


def train(root: Path, number: int, *overrides: str, micro_sequences: int = 1) -> Path:
    """The folder of a finished run of so many processes."""
    folder = folder_of(root, *overrides, *TRAINED, f"batch.micro_sequences={micro_sequences}")
    assert ranks(number, work, str(folder / "config.yaml"), False) == [0] * number
    return folder


def cut(folder: Path, step: int, to: Path) -> Path:
    """The run as it was just after its checkpoint of `step`."""
    shutil.copytree(
        folder / "checkpoints" / f"step-{step:08d}", to / "checkpoints" / f"step-{step:08d}"
    )
    (to / "checkpoints" / "last").write_text(f"step-{step:08d}\n")
    for name in ("config.yaml", "tokenizer"):
        source = folder / name
        if source.exists():
            (shutil.copytree if source.is_dir() else shutil.copy)(source, to / name)
    return to


def resume(folder: Path, number: int) -> Path:
    """The same folder, when so many processes have trained it to its end."""
    assert ranks(number, work, str(folder / "config.yaml"), True) == [0] * number
    return folder


def losses(folder: Path) -> dict[int, float]:
    """Loss by step."""
    lines = (folder / "losses.jsonl").read_text().splitlines()
    return dict(map(json.loads, lines))
