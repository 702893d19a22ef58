"""A stage and a data module small enough to train 30 steps in a fraction of a second.

Like the real ones: manual optimisation, one batch is one optimizer step, an endless loader whose
batches are a pure function of the step. Dropout, numpy and Python's random all take part.
"""

from __future__ import annotations

import logging
import os
import random
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from lmlab.io.checkpoint import CheckpointError, find_good, retain
from lmlab.io.checkpoint_io import FolderCheckpointIO
from lmlab.io.checkpointing import Checkpointing

SIZE = 12
DDP: dict[str, Any] = {"strategy": "ddp", "devices": 2}


class Arch(nn.Module):
    """An embedding and its transpose, tied, with dropout between."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SIZE, width)
        self.dropout = nn.Dropout(0.2)
        self.middle = nn.Linear(width, width)
        self.unembedding = nn.Linear(width, SIZE, bias=False)
        self.unembedding.weight = self.embedding.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.unembedding(self.middle(self.dropout(self.embedding(tokens))))


class Stage(L.LightningModule):
    """Next-token prediction; one training step is one optimizer step."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.arch = Arch()
        self.seen: list[int] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        optimizer: Any = self.optimizers()
        self.seen.append(int(batch[0, 0]))
        loss = nn.functional.cross_entropy(self.arch(batch[:, :-1]).mT, batch[:, 1:])
        self.manual_backward(loss * (1.0 + 0.1 * np.random.rand() + 0.1 * random.random()))
        optimizer.step()
        optimizer.zero_grad()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        torch.rand(3)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), 1e-2)


class Endless:
    """Batches (4, 6) of tokens; the k-th is a function of k and the rank."""

    def __init__(self, start: int, rank: int) -> None:
        self.start, self.rank = start, rank

    def __iter__(self) -> Iterator[Tensor]:
        step = self.start
        while True:
            generator = torch.Generator().manual_seed(1000 * step + self.rank)
            yield torch.randint(SIZE, (4, 6), generator=generator)
            step += 1


class Data(L.LightningDataModule):
    """The endless loader; where it continues is the step in its state."""

    def __init__(self) -> None:
        super().__init__()
        self.step = 0

    def train_dataloader(self) -> Any:
        return Endless(self.step, self.trainer.global_rank)  # type: ignore[union-attr]

    def val_dataloader(self) -> Any:
        tokens: Any = torch.zeros(4, 6, dtype=torch.int64)
        return torch.utils.data.DataLoader(tokens, batch_size=2)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.trainer.global_step}  # type: ignore[union-attr]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.step = state_dict["step"]


class ShuffledData(L.LightningDataModule):
    """A stock shuffled loader: what must not pass for exact resume."""

    def train_dataloader(self) -> Any:
        tokens: Any = torch.randint(SIZE, (64, 6), generator=torch.Generator().manual_seed(0))
        return torch.utils.data.DataLoader(tokens, batch_size=4, shuffle=True)


class Forgetful(Checkpointing):
    """Checkpointing that restores no random states: what must not pass for exact resume."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        pass


class At(L.Callback):
    """Calls a function with the Trainer at the end of every training batch."""

    def __init__(self, function: Callable[[L.Trainer], None]) -> None:
        self.function = function

    def on_train_batch_end(self, trainer: L.Trainer, *arguments: Any) -> None:
        self.function(trainer)


def checkpointing(run_dir: Path, **changes: Any) -> Checkpointing:
    """The callback with the settings that most tests use."""
    kind = changes.pop("kind", Checkpointing)
    keys = {"every_steps": None, "keep": 2, "config_text": "seed: 0\n"} | changes
    return kind(folder=run_dir / "checkpoints", **keys)


def trainer_for(callback: Checkpointing, *, steps: int, **changes: Any) -> L.Trainer:
    """A quiet Trainer that saves checkpoint folders."""
    warnings.filterwarnings("ignore", module=r"lightning\.")
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    keys: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": -1,
        "max_steps": steps,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "use_distributed_sampler": False,
        "limit_val_batches": 0,
        "num_sanity_val_steps": 0,
        "plugins": [FolderCheckpointIO()],
        "callbacks": [*changes.pop("before", []), callback],
    }
    return L.Trainer(**(keys | changes))


def train(
    run_dir: Path,
    resume: bool,
    *,
    steps: int = 30,
    every_steps: int | None = None,
    kind: type[Checkpointing] = Checkpointing,
    data: type[L.LightningDataModule] = Data,
    seed: int = 0,
    **changes: Any,
) -> int:
    """Train a tiny model to `steps`, from the newest good checkpoint if asked; the exit code."""
    checkpoint = None
    if resume:
        try:
            checkpoint = find_good(run_dir)
        except CheckpointError:
            checkpoint = None
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    stage = Stage()
    callback = checkpointing(run_dir, every_steps=every_steps, kind=kind)
    trainer = trainer_for(callback, steps=steps, **changes)
    trainer.fit(stage, datamodule=data(), ckpt_path=checkpoint, weights_only=True)
    return callback.stop.exit_code or 0


def train_noting_steps(run_dir: Path, started: Any, block_at: int | None = None) -> int:
    """Train without end, one byte in `run_dir/steps` for each finished step; until a signal.

    started: an event, set after the first step. block_at: the step after which nothing moves.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    steps = (run_dir / "steps").open("ab", buffering=0)

    def note(trainer: L.Trainer) -> None:
        steps.write(b".")
        if block_at is None or trainer.global_step == block_at:
            started.set()
        if trainer.global_step == block_at:
            time.sleep(60)

    every_steps = None if block_at is None else 1
    return train(run_dir, False, steps=10**7, every_steps=every_steps, before=[At(note)])


def train_ddp(run_dir: Path, resume: bool, steps: int, every_steps: int | None = None) -> int:
    """`train` as one rank of two, each with random states of its own; needs torchrun's variables."""
    rank = int(os.environ["RANK"])
    return train(run_dir, resume, steps=steps, every_steps=every_steps, seed=rank, **DDP)


def train_ddp_until_stopped(run_dir: Path, started: Any) -> int:
    """One rank of two that trains until it is stopped."""
    note = At(lambda trainer: started.set())
    return train(run_dir, False, steps=10**7, before=[note], **DDP)


def saved(folder: Path, step: int, num_values: int = 1000, **more: Any) -> Path:
    """A checkpoint of `step` written without a Trainer; its weights are all equal to the step."""
    checkpoint = {
        "global_step": step,
        "state_dict": {"arch.weight": torch.full((num_values,), float(step))},
        "state": {"step": step, "momentum": torch.full((num_values,), 0.5)},
        "config": "seed: 0\n",
    }
    target = folder / f"step-{step:08d}"
    FolderCheckpointIO().save_checkpoint(checkpoint | more, target)
    return target


def save_without_end(folder: Path, started: Any) -> int:
    """Save checkpoints of some megabytes one after the other, keeping two, until killed."""
    for step in range(1, 10**6):
        saved(folder, step, num_values=500_000)
        retain(folder, 2)
        started.set()
    return 0


def train_ddp_reporting(run_dir: Path, resume: bool, steps: int, every_steps: int) -> int:
    """`train_ddp`, whose exit code is 7 when it ends with a CheckpointError."""
    try:
        return train_ddp(run_dir, resume, steps, every_steps)
    except CheckpointError:
        return 7
