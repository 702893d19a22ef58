"""What happens by the clock: the end of a budget of minutes, and the validations on the way there."""

from __future__ import annotations

from typing import Any

import lightning as L

NEVER = 2**62  # steps between validations, where the clock says when


class BudgetClock(L.Callback):
    """Ends training when the minutes are spent, and validates at equal shares of such a budget.

    Rank 0's clock decides for all. A budget without minutes is left to the trainer.
    """

    def __init__(self, num_validations: int) -> None:
        self.num_validations, self.done = num_validations, 0

    def on_train_start(self, trainer: L.Trainer, stage: Any) -> None:
        self.done = int(self._progress(trainer, stage) * self.num_validations)

    def on_train_batch_end(
        self, trainer: L.Trainer, stage: Any, outputs: Any, batch: Any, index: int
    ) -> None:
        if stage.plan.minutes is None:
            return
        progress = self._progress(trainer, stage)
        if progress >= 1.0:
            trainer.should_stop = True
        due = int(progress * self.num_validations)
        step = trainer.fit_loop.epoch_loop.total_batch_idx + 1
        trainer.val_check_batch = step if due > self.done else NEVER
        self.done = due

    def _progress(self, trainer: L.Trainer, stage: Any) -> float:
        spent = stage.plan.progress(trainer.global_step, stage.elapsed_seconds)
        return float(trainer.strategy.broadcast(spent))
