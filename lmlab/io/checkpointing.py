"""When a run is saved: every so many steps, when it is asked to stop, and at its end."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import lightning as L
import torch
import torch.distributed as dist

from lmlab.durable import clean
from lmlab.io import random_state
from lmlab.io.checkpoint import CheckpointError, folder_name, retain
from lmlab.io.plain import NotPlainError
from lmlab.io.signals import Stop

log = logging.getLogger(__name__)


class Checkpointing(L.Callback):
    """Saves into `folder` at step boundaries, with the random states of every rank.

    Validation leaves no trace in the random states: a run that resumes behind one continues as the
    run that went through it. Put this callback last, so that it sees the others' `should_stop`.
    Needs `FolderCheckpointIO` as the Trainer's plugin.

    every_steps: optimizer steps between checkpoints; None: only at the end and when stopped.
    data_ranks: which share of the batch each process has, by rank; None: everyone its own. Those of
    one share draw the same numbers, so that dropout is the same for them.
    A save that fails in mid-training is reported once and training goes on; at the end of the run,
    or when stopping, it raises CheckpointError on every rank.
    """

    def __init__(
        self,
        *,
        folder: Path,
        every_steps: int | None,
        keep: int,
        config_text: str,
        data_ranks: list[int] | None = None,
    ) -> None:
        if every_steps is not None and every_steps < 1:
            raise ValueError(f"checkpoint.every_steps={every_steps} must be 1 or more, or null")
        if keep < 1:
            raise ValueError(f"checkpoint.keep={keep} must be 1 or more")
        self.folder, self.every_steps, self.keep = Path(folder), every_steps, keep
        self.config_text, self.data_ranks = config_text, data_ranks
        self.stop = Stop()
        self.saved_step: int | None = None
        self._failed = self._at_first_batch = False
        self._restored: dict[str, Any] | None = None
        self._after_step: tuple[Any, ...] | None = None

    # ---- signals

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        if trainer.is_global_zero:
            clean(self.folder)
        self.stop.install()
        # Lightning's own handlers broadcast inside the handler, which blocks all ranks for good.
        trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.stop.restore()

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        self.stop.restore()

    # ---- random states

    def state_dict(self) -> dict[str, Any]:
        """The random states of all ranks; every rank calls this when a checkpoint is made."""
        mine = random_state.get()
        if not (dist.is_available() and dist.is_initialized()):
            return {"random": [mine], "data_ranks": [0]}
        states: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(states, mine)
        return {"random": states, "data_ranks": self._shares(len(states))}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["config"] = self.config_text

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.stop.install()
        if self._restored is not None:
            self._restore_random(trainer, **self._restored)
            self._restored, self.saved_step = None, trainer.global_step
        self._after_step = random_state.snapshot()
        self._at_first_batch = True

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Undo what Lightning draws between `on_train_start` and the first step of a resumed run."""
        if self._at_first_batch and self._after_step is not None:
            random_state.put_back(self._after_step)
        self._at_first_batch = False

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.state.fn == "fit" and not trainer.sanity_checking and self._after_step:
            random_state.put_back(self._after_step)

    def _shares(self, world_size: int) -> list[int]:
        """Which share of the batch each process has, by rank."""
        return list(range(world_size)) if self.data_ranks is None else self.data_ranks

    def _restore_random(
        self, trainer: L.Trainer, random: list[dict[str, Any]], data_ranks: list[int] | None = None
    ) -> None:
        """Those of the process that had this share of the batch, where the shares are as many."""
        shares = self._shares(trainer.world_size)
        before = list(range(len(random))) if data_ranks is None else data_ranks
        mine = shares[trainer.global_rank]
        if set(before) == set(shares):
            random_state.put(random[before.index(mine)])
            return
        if trainer.is_global_zero:
            log.warning(
                "the checkpoint was made with the batch in %d share(s), this run has %d: the random "
                "states are derived anew, so results will not be bitwise those of one uninterrupted "
                "run",
                len(set(before)),
                len(set(shares)),
            )
        random_state.derive(random[0], mine, len(set(shares)))

    # ---- saving

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        step = trainer.global_step
        stopping = self._asked_to_stop(trainer)
        due = self.every_steps is not None and step % self.every_steps == 0
        last = trainer.should_stop or 0 <= trainer.max_steps <= step
        if stopping or due or last:
            self._save(trainer, final=bool(stopping or last))
        if stopping:
            self._end(trainer, stopping)
        self._after_step = random_state.snapshot()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._save(trainer, final=True)

    def _asked_to_stop(self, trainer: L.Trainer) -> int:
        """The number of the signal that reached any rank, 0 for none; equal on all ranks."""
        number = self.stop.signal or 0
        if trainer.world_size == 1 or self.stop.exit_code is not None:
            return number
        tensor = torch.tensor(number, device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(tensor, reduce_op="max"))

    def _end(self, trainer: L.Trainer, number: int) -> None:
        self.stop.accept(number)
        trainer.should_stop = True
        trainer.limit_val_batches = 0  # no validation that happens to be due at this step

    def _save(self, trainer: L.Trainer, *, final: bool) -> None:
        step = trainer.global_step
        if step == self.saved_step:
            return
        problem, curable = self._try_to_save(trainer, self.folder / folder_name(step))
        if problem is None:
            self.saved_step, self._failed = step, False
            return
        if final or not curable:
            raise CheckpointError(problem)
        if trainer.is_global_zero and not self._failed:
            log.warning("%s. Training goes on", problem)
        self._failed = True

    def _try_to_save(self, trainer: L.Trainer, target: Path) -> tuple[str | None, bool]:
        """Save on all ranks; what went wrong on rank 0 and whether a later save may do better."""
        outcome: tuple[str | None, bool] = (None, True)
        try:
            trainer.save_checkpoint(target)
        except CheckpointError as error:
            outcome = (str(error), not isinstance(error, NotPlainError))
            trainer.strategy.barrier()  # the one that the other ranks wait at in save_checkpoint
        if trainer.is_global_zero and outcome[0] is None:
            try:
                retain(self.folder, self.keep)
            except OSError as error:
                log.warning("cannot delete old checkpoints in %s: %s", self.folder, error)
        return trainer.strategy.broadcast(outcome) if trainer.world_size > 1 else outcome
