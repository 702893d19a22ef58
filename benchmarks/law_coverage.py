"""How often the 90 % intervals of a fitted parametric law hold the truth.

`python -m benchmarks.law_coverage [REPLICATES]` prints the table of docs/scaling_laws.md; 600
replicates take 2 to 5 minutes of one core.
"""

from __future__ import annotations

import sys

import numpy as np

from lmlab.scaling.bootstrap import bootstrap_laws, refit
from lmlab.scaling.law import CHINCHILLA, Law
from lmlab.scaling.parametric import ParametricFit
from lmlab.scaling.points import Points, make_points

NAMES = ("alpha", "beta", "a", "E")
NOISE = 0.005
NUM_DRAWS = 200


def grid(num_budgets: int, num_sizes: int) -> Points:
    """Budgets of 1e18 to 1e22, each with sizes a decade to either side of its best one."""
    flops = np.repeat(np.geomspace(1e18, 1e22, num_budgets), num_sizes)
    params = np.tile(np.geomspace(0.1, 10.0, num_sizes), num_budgets) * CHINCHILLA.optimum(flops)[0]
    tokens = flops / 6.0 / params
    return make_points(params, tokens, CHINCHILLA.loss(params, tokens))


def plain_laws(points: Points, fit: ParametricFit, seed: int) -> list[Law]:
    """A bootstrap that draws the residuals as they are, widened but without a kernel."""
    rng = np.random.default_rng(seed)
    wide = fit.residuals * np.sqrt(len(points) / (len(points) - 5))
    fitted = np.log(fit.law.loss(points.params, points.tokens))
    return refit(points, fit.law, fitted + rng.choice(wide, (NUM_DRAWS, len(points))))


def coverage(points: Points, noise: np.ndarray, *, kernel: bool = True) -> dict[str, float]:
    """The fraction of rows of `noise` (S, n), on log losses, whose interval holds the truth."""
    losses = np.log(points.loss) + NOISE * noise
    held = dict.fromkeys(NAMES, 0)
    for row, law in enumerate(refit(points, CHINCHILLA, losses)):
        residuals = losses[row] - np.log(law.loss(points.params, points.tokens))
        fit = ParametricFit(law, 0.0, residuals, 1.0, 1, 0.0)
        if kernel:
            draws = bootstrap_laws(points, fit, num_draws=NUM_DRAWS, seed=row)
        else:
            draws = plain_laws(points, fit, row)
        for name in NAMES:
            low, high = np.quantile([getattr(draw, name) for draw in draws], [0.05, 0.95])
            held[name] += bool(low <= getattr(CHINCHILLA, name) <= high)
    return {name: count / len(noise) for name, count in held.items()}


def main(num_replicates: int = 600) -> None:
    print(f"| grid, noise, {num_replicates} replicates | " + " | ".join(NAMES) + " |")
    print("|---|" + "---|" * len(NAMES))
    for budgets, sizes, kind, kernel in (
        (4, 6, "normal", True),
        (6, 7, "normal", True),
        (8, 9, "normal", True),
        (8, 9, "Student t (4)", True),
        (8, 9, "normal", False),
    ):
        rng = np.random.default_rng(5)
        shape = num_replicates, budgets * sizes
        # Student's t with 4 degrees of freedom has variance 2.
        noise = (
            rng.standard_normal(shape) if kind == "normal" else rng.standard_t(4, shape) / 2**0.5
        )
        found = coverage(grid(budgets, sizes), noise, kernel=kernel)
        name = f"{budgets} x {sizes}, {kind}" + ("" if kernel else ", without smoothing")
        print(f"| {name} | " + " | ".join(f"{found[key]:.1%}" for key in NAMES) + " |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
