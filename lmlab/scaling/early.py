"""Where a loss curve will end, from its first tenth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmlab.scaling.bootstrap import redraw
from lmlab.scaling.data_curve import fit_floor
from lmlab.scaling.interval import Interval, interval

NUM_BINS = 24


@dataclass(frozen=True, slots=True)
class EarlyForecast:
    """The expected end of a run.

    loss: at `tokens`, with its 90 % interval; seen_tokens: how much of the curve was used;
    floor, factor, exponent: of loss = floor + factor tokens^exponent; error: forecast / measured - 1
    where the whole curve was given, else None.
    """

    tokens: float
    loss: Interval
    seen_tokens: float
    floor: float
    factor: float
    exponent: float
    error: float | None

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        return self.floor + self.factor * np.asarray(tokens, np.float64) ** self.exponent

    def text(self) -> str:
        """One sentence."""
        share = self.seen_tokens / self.tokens
        end = "" if self.error is None else f"; measured, the error is {100 * self.error:+.1f} %"
        return (
            f"from the first {share:.0%}: loss {self.loss.text()} at {self.tokens:.3g} tokens{end}"
        )


def forecast_end(
    tokens: np.ndarray,
    loss: np.ndarray,
    *,
    end_tokens: float | None = None,
    fraction: float = 0.1,
    warm_up: float = 0.05,
    seed: int = 0,
) -> EarlyForecast:
    """Fit floor + factor tokens^exponent to the first `fraction` of a run and read off its end.

    tokens (t,) rising, loss (t,) nats a token. With end_tokens None the curve is complete: its first
    `fraction` is used and the rest gives the error; else all of it is used. The first `warm_up` of
    what is used is left out. The interval redraws the residuals of means over logarithmic bins; it
    knows nothing of what has not happened yet, such as the fall of the learning rate, which usually
    makes the true end lower, or a spike.
    Raises: ValueError for fewer than 8 measurements in the part used.
    Source: row S1-20.
    """
    end = float(tokens[-1] if end_tokens is None else end_tokens)
    stop = fraction * end if end_tokens is None else float(tokens[-1])
    seen = (tokens <= stop) & (tokens >= warm_up * stop)
    if seen.sum() < 8:
        raise ValueError(
            f"{seen.sum()} measurements lie in the first {stop:.3g} tokens; a forecast needs 8: "
            "log more often or give a larger fraction"
        )
    x, y, counts = _binned(tokens[seen], loss[seen])
    exponent, factor, floor = (float(part[0]) for part in fit_floor(x, y[None], counts))
    fitted = floor + factor * x**exponent
    rng = np.random.default_rng(seed)
    root = np.sqrt(counts)
    noise = redraw(np.log(y / fitted) * root, (300, len(x)), rng, num_fitted=3) / root
    drawn = fit_floor(x, fitted * np.exp(noise), counts)
    ends = drawn[2] + drawn[1] * end ** drawn[0]
    value = floor + factor * end**exponent
    late = tokens >= 0.98 * end
    error = value / float(loss[late].mean()) - 1.0 if end_tokens is None else None
    return EarlyForecast(end, interval(value, ends), stop, floor, factor, exponent, error)


def _binned(tokens: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Geometric mean tokens, mean loss and count of up to 24 bins of equal width in log tokens."""
    logs = np.log(tokens)
    edges = np.linspace(logs[0], logs[-1], NUM_BINS + 1)[1:-1]
    bins = np.unique(np.searchsorted(edges, logs), return_inverse=True)[1]
    counts = np.bincount(bins)
    means = np.exp(np.bincount(bins, logs) / counts)
    return means, np.bincount(bins, loss) / counts, counts
