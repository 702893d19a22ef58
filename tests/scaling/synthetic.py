"""Grids from a law that is known, for the tests of this folder."""

from __future__ import annotations

import numpy as np

from lmlab.scaling.law import CHINCHILLA, Law
from lmlab.scaling.points import Curve, Points, make_points


def grid(
    num_budgets: int = 6,
    num_sizes: int = 7,
    noise: float = 0.0,
    seed: int = 0,
    law: Law = CHINCHILLA,
    shift: float = 1.0,
) -> Points:
    """Budgets 1e18 .. 1e22, each with sizes a decade to either side of `shift` x its best one."""
    flops = np.repeat(np.geomspace(1e18, 1e22, num_budgets), num_sizes)
    sizes = np.tile(np.geomspace(0.1, 10.0, num_sizes), num_budgets)
    params = shift * sizes * law.optimum(flops)[0]
    tokens = flops / 6.0 / params
    rng = np.random.default_rng(seed)
    loss = law.loss(params, tokens) * np.exp(noise * rng.standard_normal(len(flops)))
    return make_points(params, tokens, loss)


def training_curves(num_sizes: int = 9, law: Law = CHINCHILLA) -> list[Curve]:
    """Long curves of sizes from 30M to 30B."""
    tokens = np.geomspace(1e8, 10**11.5, 120)
    return [
        Curve(size, tokens, law.loss(size, tokens)) for size in np.geomspace(3e7, 3e10, num_sizes)
    ]
