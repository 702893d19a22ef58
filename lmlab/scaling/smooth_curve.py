"""Smooth curves over log scale, and what they leave unexplained beside the same with a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# A rise is smooth where the middle 80 % of it span this many neighbouring scales or more.
RESOLVED_GAPS = 2.0
NUM_ZOOMS = 8

Values = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Form:
    """offset + factor G((x - place) / width). slope: G'; spread: widths in the middle 80 % of it.

    edge: -1 and 1 hold the place at the first and last x, where another would be another factor.
    """

    values: Values
    slope: Values
    spread: float
    edge: int = 0


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def _gompertz(z: np.ndarray) -> np.ndarray:
    return np.exp(-np.exp(-np.maximum(z, -30.0)))


def _gompertz_slope(z: np.ndarray) -> np.ndarray:
    return np.exp(-np.maximum(z, -30.0)) * _gompertz(z)


def _softplus(z: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, z)


LOGISTIC, GOMPERTZ = float(2 * np.log(9.0)), float(np.log(np.log(0.1) / np.log(0.9)))
FORMS = {
    "power law with a floor": Form(lambda z: np.exp(-z), lambda z: -np.exp(-z), LOGISTIC, -1),
    "power law from a floor": Form(np.exp, np.exp, LOGISTIC, 1),
    "logistic": Form(_sigmoid, lambda z: _sigmoid(z) * _sigmoid(-z), LOGISTIC),
    "five in a row": Form(
        lambda z: _sigmoid(z) ** 5, lambda z: 5 * _sigmoid(z) ** 5 * _sigmoid(-z), 3.313
    ),
    "slow end": Form(_gompertz, _gompertz_slope, GOMPERTZ),
    "slow start": Form(lambda z: -_gompertz(-z), lambda z: _gompertz_slope(-z), GOMPERTZ),
    "knee": Form(_softplus, _sigmoid, LOGISTIC),
}


def nearby(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, step: np.ndarray | None = None
) -> list[np.ndarray]:
    """Columns (n, 3 to 5) whose sums are a cubic, or a form near the one that is nearest to y (n,).

    Beside offset and factor a form has its slopes by width (unless that is at its limit) and place, at
    the place and width that fit best; step (n,) is one column more, the second. x ascends; weight
    (n,): 1 over the noise of each value.
    """
    fixed = [weight] if step is None else [weight, weight * step]
    found = [np.stack([*fixed, *(weight * x**power for power in (1, 2, 3))], 1)]
    gap, wide = float(np.median(np.diff(x))), float(np.log(2.0 * np.ptp(x)))
    for form in FORMS.values():
        limits = float(np.log(RESOLVED_GAPS * gap / form.spread)), wide
        place, width = _nearest(form, x, y, fixed, limits)
        z = (x - place) / np.exp(width)
        by_width = [z * form.slope(z)] if limits[0] < width < limits[1] else []
        by_place = [] if form.edge else [form.slope(z)]
        columns = [weight * column for column in (form.values(z), *by_width, *by_place)]
        found.append(np.stack([*fixed, *columns], 1))
    return found


def _nearest(
    form: Form, x: np.ndarray, y: np.ndarray, fixed: list[np.ndarray], limits: tuple[float, float]
) -> tuple[float, float]:
    """The best place and log width of a form: a grid, then smaller ones around its best."""
    weight, basis = fixed[0], np.linalg.qr(np.stack(fixed, 1))[0]
    target = weight * y - basis @ (basis.T @ (weight * y))
    narrow, wide = limits
    edge = {-1: x[:1], 1: x[-1:]}.get(form.edge)
    places = np.linspace(x[0], x[-1], 2 * len(x)) if edge is None else edge
    widths = np.linspace(narrow, wide, 12)
    apart = np.ptp(x) / (2 * len(x) - 1), (wide - narrow) / 11
    for zoom in range(1, NUM_ZOOMS + 1):
        place, width = np.tile(places, len(widths)), np.repeat(widths, len(places))
        curves = weight * form.values((x - place[:, None]) / np.exp(width)[:, None])
        curves -= (curves @ basis) @ basis.T
        best = int(np.argmax((curves @ target) ** 2 / ((curves**2).sum(1) + 1e-300)))
        around = np.arange(-2.0, 3.0) / 2**zoom
        places = place[best] + apart[0] * around if edge is None else edge
        widths = np.clip(width[best] + apart[1] * around, narrow, wide)
    return float(place[best]), float(width[best])


def mean_squares(rows: np.ndarray, bases: list[np.ndarray]) -> np.ndarray:
    """(S, F) what each of F bases leaves unexplained of rows (S, n), a degree of freedom."""
    floor = 1e-24 * (rows**2).sum(1) + 1e-300
    found = []
    for columns in bases:
        basis = np.linalg.qr(columns)[0]
        left = ((rows - (rows @ basis) @ basis.T) ** 2).sum(1)
        found.append(np.maximum(left, floor) / max(1, rows.shape[1] - columns.shape[1]))
    return np.stack(found, 1)
