"""What to do before the optimizer sees a step: take it, skip it, go back, or give up."""

from __future__ import annotations

import math
import statistics
from collections import deque
from typing import Literal

Decision = Literal["step", "skip_not_finite", "skip_spike", "rewind"]


class Diverged(ValueError):
    """Too many steps in a row had a loss or gradient that is not finite."""


class Rewind(Exception):
    """A loss spike at `step`: go back to an earlier checkpoint and leave out some batches."""

    def __init__(self, step: int) -> None:
        super().__init__(f"loss spike at step {step}")
        self.step = step


class Guard:
    """Judges every step by its loss and gradient norm, both equal on all ranks.

    A value above mean + spike_sigma standard deviations of the last spike_window good steps is a
    spike. As many spikes in a row as max_bad_steps are no spikes: what is normal has changed, and the
    window begins anew, or every later step would be skipped. Source: PaLM section 5.1 (go back about 100 steps, leave out 200 to 500 batches; row
    S1-23); skipping single steps at 6 sigma over 128: OLMo 2.
    """

    MAX_REWINDS = 3

    def __init__(
        self,
        *,
        spike: Literal["skip", "rewind", "none"],
        spike_sigma: float,
        spike_window: int,
        rewind_steps: int,
        rewind_skip_batches: int,
        max_bad_steps: int,
    ) -> None:
        self.spike, self.spike_sigma, self.spike_window = spike, spike_sigma, spike_window
        self.rewind_steps, self.rewind_skip_batches = rewind_steps, rewind_skip_batches
        self.max_bad_steps = max_bad_steps
        self.losses: deque[float] = deque(maxlen=spike_window)
        self.norms: deque[float] = deque(maxlen=spike_window)
        self.bad_in_a_row = 0
        self.skipped_not_finite = 0
        self.skipped_spikes = 0
        self.spikes_in_a_row = 0

    def decide(self, loss: float, grad_norm: float) -> Decision:
        """Judge one step. Raises: Diverged after max_bad_steps in a row that are not finite."""
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            self.bad_in_a_row += 1
            self.skipped_not_finite += 1
            if self.bad_in_a_row >= self.max_bad_steps:
                raise Diverged(
                    f"loss or gradient was not finite in {self.bad_in_a_row} steps in a row; "
                    "the weights are those before them. Try a lower optim.learning_rate"
                )
            return "skip_not_finite"
        self.bad_in_a_row = 0
        if self.spike != "none" and (
            self._far(loss, self.losses) or self._far(grad_norm, self.norms)
        ):
            if self.spike == "rewind":
                return "rewind"
            self.spikes_in_a_row += 1
            if self.spikes_in_a_row < self.max_bad_steps:
                self.skipped_spikes += 1
                return "skip_spike"
            self.losses.clear()
            self.norms.clear()
        self.spikes_in_a_row = 0
        self.losses.append(loss)
        self.norms.append(grad_norm)
        return "step"

    def _far(self, value: float, recent: deque[float]) -> bool:
        if len(recent) < self.spike_window:
            return False
        return value > statistics.fmean(recent) + self.spike_sigma * statistics.pstdev(recent)

    def state_dict(self) -> dict[str, object]:
        """Plain lists and numbers, for the checkpoint."""
        return {
            "losses": list(self.losses),
            "norms": list(self.norms),
            "bad_in_a_row": self.bad_in_a_row,
            "skipped_not_finite": self.skipped_not_finite,
            "skipped_spikes": self.skipped_spikes,
            "spikes_in_a_row": self.spikes_in_a_row,
        }

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Continue where `state_dict` was taken."""
        self.losses.clear()
        self.losses.extend(state["losses"])  # type: ignore[arg-type]
        self.norms.clear()
        self.norms.extend(state["norms"])  # type: ignore[arg-type]
        self.bad_in_a_row = int(state["bad_in_a_row"])  # type: ignore[call-overload]
        self.skipped_not_finite = int(state["skipped_not_finite"])  # type: ignore[call-overload]
        self.skipped_spikes = int(state["skipped_spikes"])  # type: ignore[call-overload]
        self.spikes_in_a_row = int(state["spikes_in_a_row"])  # type: ignore[call-overload]
