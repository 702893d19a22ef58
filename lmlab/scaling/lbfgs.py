"""L-BFGS for many starting points at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Function = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Minima:
    """Where each start ended. theta (S, P), value (S,), gradient (S, P), num_iterations (S,)."""

    theta: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    num_iterations: np.ndarray


def minimise(
    function: Function,
    starts: np.ndarray,
    *,
    memory: int = 8,
    max_iterations: int = 300,
    gradient_tolerance: float = 1e-9,
    value_tolerance: float = 1e-10,
) -> Minima:
    """Minimise `function` from every row of `starts` (S, P), each row on its own.

    function(theta (s, P), rows (s,)) gives values (s,) and gradients (s, P); `rows` says which
    starts are meant, those that still move. A row stops when its largest gradient is below
    `gradient_tolerance`, when three steps in a row lower its value by less than the fraction
    `value_tolerance`, when no step lowers it, or after `max_iterations`.
    Source: Nocedal and Wright, Numerical Optimization, algorithm 7.5, with Armijo backtracking;
    pairs with too little curvature are left out.
    """
    state = _State(function, starts, memory)
    for _ in range(max_iterations):
        if not len(state.rows):
            break
        state.step(gradient_tolerance, value_tolerance)
    state.put_back()
    return Minima(state.theta, state.value, state.gradient, state.count)


class _State:
    """The rows that still move (`rows` and small letters) and where all rows are (`theta` ...)."""

    def __init__(self, function: Function, starts: np.ndarray, memory: int) -> None:
        self.function = function
        self.theta = np.array(starts, np.float64)
        self.rows = np.arange(len(starts))
        self.value, self.gradient = _finite(*function(self.theta, self.rows))
        self.count = np.zeros(len(starts), np.int64)
        self.x, self.f, self.g = self.theta.copy(), self.value.copy(), self.gradient.copy()
        shape = (memory, len(starts), starts.shape[1])
        self.s, self.y = np.zeros(shape), np.zeros(shape)
        self.rho = np.zeros(shape[:2])
        self.slow = np.zeros(len(starts), np.int64)

    def step(self, gradient_tolerance: float, value_tolerance: float) -> None:
        """One step of every moving row, then those that are done leave."""
        direction = self._direction()
        slope = (direction * self.g).sum(1)
        uphill = ~(slope < 0)
        direction[uphill] = -self.g[uphill]
        slope[uphill] = -(self.g[uphill] ** 2).sum(1)
        fresh = ~self.rho.any(axis=0) | uphill
        size = np.where(fresh, 1.0 / np.maximum(1.0, np.abs(direction).sum(1)), 1.0)
        x, f, g, moved = self._search(direction, slope, size)
        fall = (self.f - f) / np.maximum(np.abs(self.f), 1e-300)
        self._remember(x - self.x, g - self.g)
        self.x, self.f, self.g = x, f, g
        self.count[self.rows] += 1
        self.slow = np.where(fall < value_tolerance, self.slow + 1, 0)
        done = (np.abs(g).max(1) < gradient_tolerance) | (self.slow >= 3) | ~moved
        if done.any():
            self.put_back()
            self._keep(~done)

    def put_back(self) -> None:
        """Write the moving rows into the table of all rows."""
        self.theta[self.rows], self.value[self.rows] = self.x, self.f
        self.gradient[self.rows] = self.g

    def _keep(self, stay: np.ndarray) -> None:
        self.rows, self.slow = self.rows[stay], self.slow[stay]
        self.x, self.f, self.g = self.x[stay], self.f[stay], self.g[stay]
        self.s, self.y, self.rho = self.s[:, stay], self.y[:, stay], self.rho[:, stay]

    def _direction(self) -> np.ndarray:
        """Two-loop recursion, newest pair last; pairs with rho 0 do nothing."""
        q = self.g.copy()
        alphas = []
        for s, y, rho in zip(self.s[::-1], self.y[::-1], self.rho[::-1], strict=True):
            alpha = rho * (s * q).sum(1)
            alphas.append(alpha)
            q -= alpha[:, None] * y
        s, y, rho = self.s[-1], self.y[-1], self.rho[-1]
        length = (y * y).sum(1)
        scale = np.where(rho > 0, 1.0 / np.maximum(rho * length, 1e-300), 1.0)
        q *= scale[:, None]
        for s, y, rho, alpha in zip(self.s, self.y, self.rho, alphas[::-1], strict=True):
            beta = rho * (y * q).sum(1)
            q += (alpha - beta)[:, None] * s
        return -q

    def _search(
        self, direction: np.ndarray, slope: np.ndarray, size: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Halve each row's step until it lowers its value enough; rows that cannot stay put."""
        x, f, g = self.x.copy(), self.f.copy(), self.g.copy()
        todo = np.arange(len(x))
        for _ in range(25):
            trial = self.x[todo] + size[todo, None] * direction[todo]
            value, gradient = _finite(*self.function(trial, self.rows[todo]))
            good = value <= self.f[todo] + 1e-4 * size[todo] * slope[todo]
            found = todo[good]
            x[found], f[found], g[found] = trial[good], value[good], gradient[good]
            # Where the parabola through the two values and the slope has its minimum, 0.1 to 0.5.
            rest = ~good
            todo, value = todo[rest], value[rest]
            if not len(todo):
                break
            step, fall = size[todo], slope[todo]
            bend = value - self.f[todo] - step * fall
            with np.errstate(invalid="ignore", over="ignore"):
                guess = np.where(np.isfinite(bend) & (bend > 0), -fall * step / (2 * bend), 0.1)
            size[todo] = step * np.clip(guess, 0.1, 0.5)
        moved = np.ones(len(x), bool)
        moved[todo] = False
        return x, f, g, moved

    def _remember(self, s: np.ndarray, y: np.ndarray) -> None:
        curvature = (s * y).sum(1)
        enough = curvature > 1e-12 * np.sqrt((s * s).sum(1) * (y * y).sum(1))
        enough &= curvature > 1e-200
        # A row without a new pair keeps its old ones in place.
        for table, new in ((self.s, s), (self.y, y)):
            table[:-1, enough] = table[1:, enough]
            table[-1, enough] = new[enough]
        self.rho[:-1, enough] = self.rho[1:, enough]
        self.rho[-1, enough] = 1.0 / curvature[enough]


def _finite(value: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Anything that is not a number counts as infinitely bad."""
    bad = ~np.isfinite(value) | ~np.isfinite(gradient).all(1)
    return np.where(bad, np.inf, value), np.where(bad[:, None], 0.0, gradient)
