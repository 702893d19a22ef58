"""Which trials of a search are stopped early, by their validations so far: two pure rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

STARTUP_TRIALS = 4  # as many must have come as far before one is judged
REDUCTION = 3  # successive halving: one of so many goes on at each rung

Curve = Sequence[float]  # values of the metric, validation by validation; lower is better


def stop_median(curve: Curve, finished: Sequence[Curve]) -> str | None:
    """Why to stop: the best value so far is above the median of finished trials at this validation.

    Source: Golovin et al. 2017 (Vizier) section 3.2.2, with the median of values, as Optuna has it.
    """
    at = len(curve)
    peers = [other[at - 1] for other in finished if len(other) >= at]
    if not at or len(peers) < STARTUP_TRIALS:
        return None
    limit, best = median(peers), _least(curve)
    if best <= limit:
        return None
    return f"best value {best:.4g} after {_count(at)}, median of {len(peers)} trials {limit:.4g}"


def stop_halving(curve: Curve, others: Sequence[Curve]) -> str | None:
    """Why to stop: at the validations 1, 3, 9, ... only the best third of all that came there go on.

    others: of all other trials, whatever became of them.
    Source: Li et al. 2020 (ASHA, arXiv 1810.05934), the stopping form; Jamieson and Talwalkar 2016.
    """
    at = len(curve)
    if at not in [REDUCTION**power for power in range(12)]:
        return None
    peers = sorted(_least(other[:at]) for other in others if len(other) >= at)
    if len(peers) + 1 < max(REDUCTION, STARTUP_TRIALS):
        return None
    stay = max(1, (len(peers) + 1) // REDUCTION)
    rank = sum(value < _least(curve) for value in peers)
    if rank < stay:
        return None
    return f"rank {rank + 1} of {len(peers) + 1} after {_count(at)}, the best {stay} go on"


def _least(curve: Curve) -> float:
    """The best finite value; infinity where there is none."""
    return min((value for value in curve if math.isfinite(value)), default=math.inf)


def _count(number: int) -> str:
    return f"{number} validation{'s' * (number > 1)}"
