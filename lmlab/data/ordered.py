"""Data in an order that only the seed decides, and its place in a run."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import lightning as L
from torch.utils.data import DataLoader

from lmlab.batch import Batch
from lmlab.data.loader import Batches, Steps, TrainBatches, train_loader, validation_loader
from lmlab.data.order import batch_of_step, merged


class Ordered(L.LightningDataModule):
    """An item of the training loader is this rank's whole share of one optimizer step, without end.

    Step k takes samples kG to (k+1)G - 1 of a run, G = step_sequences: the same for every number of
    processes and workers. State: the step, and the batches that are left out.
    """

    def __init__(
        self, *, num_workers: int, seed: int, step_sequences: int, world_size: int, rank: int
    ) -> None:
        super().__init__()
        if num_workers < 0:
            raise ValueError(f"data.num_workers={num_workers} must be 0 or more")
        if step_sequences % world_size:
            raise ValueError(
                f"batch.tokens makes {step_sequences} sequences a step, which {world_size} "
                f"processes cannot share equally"
            )
        self.num_workers, self.seed = num_workers, seed
        self.step_sequences, self.world_size, self.rank = step_sequences, world_size, rank
        self.start_step = 0
        self.skipped: list[tuple[int, int]] = []

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of everything that decides the examples."""

    @abstractmethod
    def train_batches(self) -> TrainBatches:
        """The shares of this rank by batch number."""

    @abstractmethod
    def validation_batches(self) -> Batches:
        """The validation batches of this rank."""

    def train_dataloader(self) -> DataLoader[Batch]:
        return train_loader(
            self.train_batches(), Steps(self._present_step, lambda: self.skipped), self.num_workers
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        return validation_loader(self.validation_batches())

    def _present_step(self) -> int:
        """The step that a loader starts at: the trainer's, which it has restored by then."""
        return (
            self.start_step
            if self.trainer is None
            else max(self.start_step, self.trainer.global_step)
        )

    # ---- state

    def leave_out(self, number: int) -> None:
        """Skip the next `number` batches of the step that was restored (0 if none was)."""
        first = batch_of_step(self.start_step, self.skipped)
        self.skipped = merged([*self.skipped, (first, first + number - 1)])

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self._present_step(),
            "fingerprint": self.fingerprint,
            "skipped": [list(pair) for pair in self.skipped],
            "order": self._order(),
        }

    def _order(self) -> dict[str, int]:
        """What decides the order of samples, by the settings that decide it."""
        return {
            "seed": self.seed,
            "sequences of a step (batch.tokens / data.seq_len)": self.step_sequences,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue at the state's step. Raises: ValueError when data or order are not the same."""
        if state["fingerprint"] != self.fingerprint:
            raise ValueError(
                f"the checkpoint was trained on other data: fingerprint {state['fingerprint'][:12]}, now "
                f"{self.fingerprint[:12]}. The text, the tokenizer or data.validation_fraction changed "
                f"since; start a new run with init_from=CHECKPOINT to train on the new data"
            )
        for name, now in self._order().items():
            then = state.get("order", {}).get(name, now)
            if then != now:
                raise ValueError(
                    f"the checkpoint's order of samples had {name}={then}, now it is {now}; to resume, "
                    f"it must be the same"
                )
        self.start_step = int(state["step"])
        self.skipped = merged((int(first), int(last)) for first, last in state["skipped"])
