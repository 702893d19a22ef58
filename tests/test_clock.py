from __future__ import annotations

from dataclasses import replace
from typing import Any

import lightning as L
import pytest

from lmlab.clock import NEVER, BudgetClock
from tests.stage.tiny import Stream, make_stage, make_trainer


class Seconds(L.Callback):
    """Every step takes six seconds; keeps the steps after which a validation was done."""

    def __init__(self) -> None:
        self.validated: list[int] = []

    def on_train_batch_end(self, trainer: L.Trainer, stage: Any, *_: Any) -> None:
        stage.elapsed_seconds = 6.0 * trainer.global_step

    def on_validation_end(self, trainer: L.Trainer, stage: Any) -> None:
        self.validated.append(trainer.global_step)


def trained(num_steps: int | None, num_validations: int) -> tuple[int, list[int]]:
    """Steps and validations of a minute."""
    stage, seconds = make_stage(num_steps=100), Seconds()
    stage.plan = replace(stage.plan, num_steps=num_steps, minutes=1.0)
    trainer = make_trainer(
        num_steps or -1,
        callbacks=[seconds, BudgetClock(num_validations)],
        limit_val_batches=1.0,
        val_check_interval=NEVER,
        check_val_every_n_epoch=None,
    )
    trainer.fit(stage, datamodule=Stream(8))
    return trainer.global_step, seconds.validated


@pytest.mark.parametrize(
    ("num_validations", "after"), [(1, [10]), (2, [5, 10]), (3, [4, 7, 10]), (5, [2, 4, 6, 8, 10])]
)
def test_a_minute_of_ten_steps_is_validated_at_equal_shares(num_validations, after):
    assert trained(None, num_validations) == (10, after)


def test_steps_that_end_before_the_minutes_count_too():
    assert trained(4, 2) == (4, [2, 4])
