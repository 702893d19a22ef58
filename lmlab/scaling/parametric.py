"""Chinchilla's third approach: the parametric law, by Huber loss in log space from many starts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from lmlab.scaling.law import Law
from lmlab.scaling.lbfgs import Function, Minima, minimise
from lmlab.scaling.points import Points

HUBER_DELTA = 1e-3
BLOCK_ELEMENTS = 1 << 15  # starts x points of one piece of work, so that it stays in the cache


@dataclass(frozen=True, slots=True)
class ParametricFit:
    """The best law, and what tells whether it is identified.

    objective: mean Huber loss; residuals (n,): log(observed / fitted); condition: of the curvature
    in units where each parameter's own curvature is 1; num_starts: from how many starts;
    rival_spread: range of the exponent a among the ends of starts within 1 % of the best objective.
    """

    law: Law
    objective: float
    residuals: np.ndarray
    condition: float
    num_starts: int
    rival_spread: float


def published_starts() -> np.ndarray:
    """(4500, 5) starts e, a, b, alpha, beta of Hoffmann et al. 2022 appendix D.3."""
    exponents = np.arange(0.0, 2.01, 0.5)
    logs = np.arange(0.0, 25.1, 5.0)
    grid = product(np.arange(-1.0, 1.01, 0.5), logs, logs, exponents, exponents)
    return np.array(list(grid))


def fit_parametric(
    points: Points, *, starts: np.ndarray | None = None, delta: float = HUBER_DELTA
) -> ParametricFit:
    """Minimise the Huber loss of log L - log(E + A N^-alpha + B D^-beta), best of all `starts`.

    starts (S, 5): rows log E, log A, log B, alpha, beta; None: the 4,500 published ones.
    Raises: ValueError for fewer than 6 points (5 numbers are fitted), or one size or token count.
    Source: Hoffmann et al. 2022 section 3.3 and appendix D.3; row S3-61.
    Differs: mean, not sum, of the loss; the best ends are refined until the gradient is 0 (an early
    stop was the fault Besiroglu et al. 2024, arXiv 2404.10102, found in the published fit).
    """
    if len(points) < 6:
        raise ValueError(f"{len(points)} points cannot fit the 5 numbers of L(N, D); 6 or more can")
    for name in ("params", "tokens"):
        if len(np.unique(getattr(points, name))) < 2:
            raise ValueError(f"all points have the same {name}; L(N, D) needs at least two values")
    first = published_starts() if starts is None else starts
    frame = Frame.of(points)
    target = np.log(points.loss)[None]
    coarse = solve(frame, target, frame.inward(first), delta, max_iterations=60, tolerance=1e-6)
    best = np.argsort(coarse.value, kind="stable")[:24]
    fine = solve(frame, target, coarse.theta[best], delta, max_iterations=1500, tolerance=1e-14)
    top = int(np.argmin(fine.value))
    law = law_of(frame.outward(fine.theta[top : top + 1])[0])
    near = fine.value <= fine.value[top] * 1.01 + 1e-14
    rivals = fine.theta[near, 4] / frame.scale[1]
    rivals = rivals / (rivals + fine.theta[near, 3] / frame.scale[0])
    return ParametricFit(
        law=law,
        objective=float(fine.value[top]),
        residuals=np.log(points.loss) - np.log(law.loss(points.params, points.tokens)),
        condition=_condition(frame.jacobian(fine.theta[top : top + 1])[0]),
        num_starts=len(first),
        rival_spread=float(np.ptp(rivals)),
    )


def law_of(theta: np.ndarray) -> Law:
    """The law of log E, log A, log B, alpha, beta (5,)."""
    return Law(*np.exp(theta[:3]).tolist(), *theta[3:].tolist())


def theta_of(law: Law) -> np.ndarray:
    """(5,) log E, log A, log B, alpha, beta of a law."""
    return np.array([*np.log([law.E, law.A, law.B]), law.alpha, law.beta])


@dataclass(frozen=True, slots=True)
class Frame:
    """log N and log D brought to mean 0 and deviation 1, in which the fit is well conditioned.

    Inner parameters are e, a, b, p, q of log(exp(e) + exp(a - p x) + exp(b - q z)).
    """

    x: np.ndarray
    z: np.ndarray
    middle: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, points: Points) -> Frame:
        logs = np.log(np.stack([points.params, points.tokens]))
        middle, scale = logs.mean(1), logs.std(1)
        inner = (logs - middle[:, None]) / scale[:, None]
        return cls(inner[0], inner[1], middle, 1.0 / scale)

    def inward(self, theta: np.ndarray) -> np.ndarray:
        """Plain parameters (S, 5) to inner ones."""
        inner = theta.copy()
        inner[:, 1:3] -= theta[:, 3:] * self.middle
        inner[:, 3:] /= self.scale
        return inner

    def outward(self, inner: np.ndarray) -> np.ndarray:
        """Inner parameters (S, 5) to plain ones."""
        theta = inner.copy()
        theta[:, 3:] *= self.scale
        theta[:, 1:3] += theta[:, 3:] * self.middle
        return theta

    def terms(self, inner: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """E (S, 1), and the terms of N and D (S, n)."""
        e, a, b, p, q = (column[:, None] for column in inner.T)
        return np.exp(e), np.exp(a - p * self.x), np.exp(b - q * self.z)

    def jacobian(self, inner: np.ndarray) -> np.ndarray:
        """(S, n, 5): how log L of every point changes with the inner parameters."""
        terms = np.broadcast_arrays(*self.terms(inner))
        total = terms[0] + terms[1] + terms[2]
        parts = [term / total for term in terms]
        return np.stack([*parts, -parts[1] * self.x, -parts[2] * self.z], axis=-1)


def solve(
    frame: Frame,
    target: np.ndarray,
    starts: np.ndarray,
    delta: float,
    *,
    max_iterations: int,
    tolerance: float,
    chart: tuple[np.ndarray, np.ndarray] | None = None,
) -> Minima:
    """Minimise from inner `starts` (S, 5) against log losses `target` (S or 1, n), in blocks.

    With a chart (centre (5,), basis (5, 5)), starts u and ends mean centre + basis u.
    """
    size = max(1, BLOCK_ELEMENTS // len(frame.x))
    found = []
    for start in range(0, len(starts), size):
        rows = slice(start, start + size)
        aim = target if len(target) == 1 else target[rows]
        loss = huber_loss(frame, aim, delta, chart)
        found.append(
            minimise(
                loss,
                starts[rows],
                max_iterations=max_iterations,
                gradient_tolerance=tolerance,
                value_tolerance=tolerance,
            )
        )
    return Minima(
        *(np.concatenate([getattr(part, name) for part in found]) for name in Minima.__slots__)
    )


def huber_loss(
    frame: Frame,
    target: np.ndarray,
    delta: float,
    chart: tuple[np.ndarray, np.ndarray] | None = None,
) -> Function:
    """The mean Huber loss over delta, with its gradient, as `minimise` wants it."""

    def loss(theta: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            inner = theta if chart is None else chart[0] + theta @ chart[1].T
            one, size, data = frame.terms(inner)
            total = one + size + data
            error = np.log(total) - (target if len(target) == 1 else target[rows])
            pull = np.clip(error, -delta, delta)
            value = (pull * (error - 0.5 * pull)).mean(1)
            share = pull / (total * error.shape[1])
            size *= share
            data *= share
            columns = [one[:, 0] * share.sum(1), size.sum(1), data.sum(1)]
            gradient = np.stack([*columns, -(size @ frame.x), -(data @ frame.z)], 1)
        return value / delta, (gradient if chart is None else gradient @ chart[1]) / delta

    return loss


def _condition(jacobian: np.ndarray) -> float:
    """Condition number of J^T J (n, 5) with its columns brought to length 1."""
    length = np.linalg.norm(jacobian, axis=0)
    if not (length > 0).all():
        return float("inf")
    values = np.linalg.svd(jacobian / length, compute_uv=False)
    return float((values[0] / max(values[-1], 1e-300)) ** 2)
