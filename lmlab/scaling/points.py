"""The points of a scaling grid: one finished run each, and the training curve of a run."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

FLOPS_PER_PARAM_TOKEN = 6.0


@dataclass(frozen=True, slots=True)
class Points:
    """n finished runs. params (n,), tokens (n,), loss (n,) in nats a token, flops (n,); float64."""

    params: np.ndarray
    tokens: np.ndarray
    loss: np.ndarray
    flops: np.ndarray

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def flops_per_param_token(self) -> float:
        """The median of C / (N D): 6 by Kaplan's count, more where attention is counted too."""
        return float(np.median(self.flops / (self.params * self.tokens)))

    def take(self, rows: np.ndarray) -> Points:
        """The points of `rows`: indices, or a bool mask (n,)."""
        return Points(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Curve:
    """The training curve of one run: params, and tokens (t,), loss (t,) in nats a token.

    per: its compute for each parameter and token, 6 where nothing else is known.
    """

    params: float
    tokens: np.ndarray
    loss: np.ndarray
    per: float = FLOPS_PER_PARAM_TOKEN

    @property
    def flops(self) -> np.ndarray:
        """(t,) compute spent so far, per params tokens."""
        return self.per * self.params * self.tokens


def make_points(
    params: np.ndarray, tokens: np.ndarray, loss: np.ndarray, flops: np.ndarray | None = None
) -> Points:
    """Checked points; flops default to 6 params tokens (Kaplan et al. 2020 section 2.1).

    Raises: ValueError for columns of unequal length and for values that are not above 0.
    """
    columns = {"params": params, "tokens": tokens, "loss": loss}
    if flops is not None:
        columns["flops"] = flops
    arrays = {name: np.asarray(value, np.float64).reshape(-1) for name, value in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"columns of a scaling grid differ in length: {lengths}")
    for name, array in arrays.items():
        wrong = np.flatnonzero(~(np.isfinite(array) & (array > 0)))
        if len(wrong):
            raise ValueError(
                f"{name}[{wrong[0]}]={array[wrong[0]]} of a scaling grid must be above 0 and finite"
            )
    if flops is None:
        arrays["flops"] = FLOPS_PER_PARAM_TOKEN * arrays["params"] * arrays["tokens"]
    return Points(**arrays)


def budget_of(flops: np.ndarray, tolerance: float = 0.1) -> np.ndarray:
    """(n,) int64: the number of each point's budget, 0 the smallest.

    The largest compute of a budget is at most the fraction `tolerance` above its smallest. Where
    runs of computes that rise by less than that spread wider, they are divided at their widest gap.
    """
    order = np.argsort(flops, kind="stable")
    numbers = np.empty(len(flops), np.int64)
    for number, group in enumerate(_divided(order, np.log(flops), float(np.log1p(tolerance)))):
        numbers[group] = number
    return numbers


def _divided(order: np.ndarray, logs: np.ndarray, widest: float) -> list[np.ndarray]:
    """`order`, ascending in logs, cut at its widest gaps until every part spans at most `widest`."""
    done, left = [], [order]
    while left:
        part = left.pop()
        if len(part) == 0 or logs[part[-1]] - logs[part[0]] <= widest:
            done.append(part)
            continue
        cut = int(np.argmax(np.diff(logs[part]))) + 1
        left += [part[cut:], part[:cut]]
    return done
