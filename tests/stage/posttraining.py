"""Stages of post-training with small real parts: bytes, generated tasks, a one-layer GPT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L

from lmlab.build import Run, build
from lmlab.check import check_composed
from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places

SMALL = [
    "tokenizer=bytes",
    "track=none",
    "arch.num_layers=1",
    "arch.width=32",
    "arch.num_heads=2",
    "batch.sequences=8",
    "batch.micro_sequences=4",
    "hardware=cpu",
    "hardware.precision=fp32",
    "hardware.threads=1",
]


def make_run(root: Path, *overrides: str) -> Run:
    """A checked and built run of these overrides, below `root`."""
    composer = Composer(find_places())
    composed = composer.compose([*SMALL, f"run.root={root}", *overrides])
    check_composed(composed, composer.places)
    return build(resolve.plain(composed.cfg))


def fit(run: Run, num_steps: int, validate: bool = True, **keywords: Any) -> L.Trainer:
    """Train; the final validation is at the last step."""
    trainer = run.hardware.trainer(
        max_steps=num_steps,
        max_epochs=-1,
        logger=False,
        num_sanity_val_steps=0,
        val_check_interval=num_steps if validate else None,
        check_val_every_n_epoch=None,
        limit_val_batches=4 if validate else 0,
        **keywords,
    )
    trainer.fit(run.stage, datamodule=run.data)
    return trainer
