"""Finished runs, as whoever keeps them tells of them, made into points and training curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lmlab.scaling.points import FLOPS_PER_PARAM_TOKEN, Curve, Points, make_points

NUM_BINS = 400  # of a training curve
SMOOTHING = 0.04  # width, in log tokens, of the mean that a training curve is read with


@dataclass(frozen=True, slots=True)
class GridRun:
    """One run: its last metrics by name, and of some metrics the history: steps (t,), values (t,)."""

    name: str
    finished: bool
    metrics: dict[str, float]
    history: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


def usable(runs: Sequence[GridRun], names: Sequence[str]) -> tuple[list[GridRun], list[str]]:
    """The finished runs that have every metric of `names`, and a sentence for each left out."""
    kept, left_out = [], []
    for run in runs:
        missing = [name for name in names if name not in run.metrics]
        if not run.finished:
            left_out.append(f"{run.name} has not finished and is left out")
        elif missing:
            left_out.append(f"{run.name} has no {missing[0]} and is left out")
        else:
            kept.append(run)
    return kept, left_out


def points_of(runs: Sequence[GridRun], columns: dict[str, str]) -> Points:
    """Points of runs that have the metrics of `columns`: params, tokens, loss and flops.

    Raises: ValueError where there are none, or a value is not above 0.
    """
    if not runs:
        raise ValueError(
            f"no run of stage.runs has finished with {', '.join(columns.values())}; name the parent "
            "run or the folder of a sweep that has"
        )
    return make_points(
        **{key: np.array([run.metrics[name] for run in runs]) for key, name in columns.items()}
    )


def curves_of(runs: Sequence[GridRun], params: str, loss: str = "train/loss_nats") -> list[Curve]:
    """Smoothed training curves of the runs that kept one: the loss over the tokens at its steps."""
    curves = []
    for run in runs:
        curve = raw_curve(run, loss)
        if curve is not None and len(curve[0]) >= 8:
            tokens, values = binned(*curve)
            size, ends = run.metrics[params], ("progress/flops", "progress/tokens")
            spent, seen = (run.metrics.get(name) for name in ends)
            per = spent / (size * seen) if spent and seen else FLOPS_PER_PARAM_TOKEN
            curves.append(Curve(size, tokens, smooth(tokens, values), per))
    return curves


def raw_curve(run: GridRun, loss: str = "train/loss_nats") -> tuple[np.ndarray, np.ndarray] | None:
    """Tokens (t,) and loss (t,) of a run as they were logged; None where it kept none."""
    if loss not in run.history or "progress/tokens" not in run.history:
        return None
    steps, values = run.history[loss]
    at, tokens = run.history["progress/tokens"]
    shared, first, second = np.intersect1d(steps, at, return_indices=True)
    return (tokens[second], values[first]) if len(shared) else None


def binned(tokens: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Geometric means (b,) of tokens and loss over at most NUM_BINS bins of equal log width."""
    place = np.log(tokens)
    bins = np.floor((place - place[0]) / max(np.ptp(place), 1e-9) * (NUM_BINS - 1e-6))
    each, number = np.unique(bins, return_inverse=True)
    counts = np.bincount(number, minlength=len(each))
    means = [np.exp(np.bincount(number, logs) / counts) for logs in (place, np.log(loss))]
    return means[0], means[1]


def smooth(tokens: np.ndarray, loss: np.ndarray, width: float = SMOOTHING) -> np.ndarray:
    """(t,) the mean of log loss weighted by a normal kernel of `width` in log tokens.

    A single batch's loss is noisy; Hoffmann et al. 2022 smooth their curves before approach 1 too.
    """
    place = np.log(tokens)
    weights = np.exp(-0.5 * ((place[:, None] - place[None, :]) / width) ** 2)
    return np.exp(weights @ np.log(loss) / weights.sum(1))
