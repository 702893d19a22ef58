"""How often lmlab.scaling.jump calls smooth curves sharp, and finds steps that are there.

`python -m benchmarks.jump_rate [DRAWS]` prints the table of docs/scaling_laws.md; 200 draws of 12
scales take 5 minutes of one core.
"""

from __future__ import annotations

import sys

import numpy as np

from lmlab.scaling.jump import change_point

NOISES = (0.001, 0.005, 0.02)


def smooth_curves(x: np.ndarray) -> dict[str, np.ndarray]:
    """Curves without a step over x = log10 scale (n,), 6 to 10; the narrow rise spans three scales."""
    gap = x[1] - x[0]
    return {
        "power law, floor 1.7, exponent -0.28": 1.7 + 400 * 10 ** (-0.28 * x),
        "power law, floor 1.69, exponent -0.40": 1.69 + 1000 * 10 ** (-0.4 * x),
        "logistic, middle 80 % in 4.4 decades": sigmoid(x - 8),
        "logistic, middle 80 % in 1.3 decades": sigmoid((x - 8) / 0.3),
        "logistic, middle 80 % in 3 scales": sigmoid((x - 8.1) * 4.39 / (3 * gap)),
        "quadratic": 0.1 * x**2,
        "logistic to the 5th power": sigmoid(x - 8) ** 5,
        "logistic to the 10th power": sigmoid(x - 8) ** 10,
        "log of a logistic": np.log(sigmoid(x - 8)),
    }


def stepped_curves(x: np.ndarray) -> dict[str, np.ndarray]:
    """The same with a step between two scales."""
    line = 0.1 * (x - x[0])
    return {
        "line of 0.4 and a step of 0.1": line + 0.1 * (x > 8),
        "line of 0.4 and a step of 0.2": line + 0.2 * (x > 8),
        "line of 0.4 and a step of 0.4 late": line + 0.4 * (x > 9),
        "only a step": 0.7 * (x > 8),
        "power law of 8 and a step of 0.5": 1.7 + 400 * 10 ** (-0.28 * x) - 0.5 * (x > 8.5),
        "logistic of 0.8 and a step of 0.3": sigmoid(x - 8) + 0.3 * (x > 8),
    }


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def rate(scale: np.ndarray, curve: np.ndarray, noise: float, num_draws: int) -> float:
    """How often the curve is sharp: noise in proportion to a power law, else to the curve's range."""
    size = curve if curve[0] > 2 * curve[-1] > 0 else np.ptp(curve)
    found = 0
    for seed in range(num_draws):
        drawn = np.random.default_rng(seed).standard_normal(len(scale))
        found += change_point(scale, curve + noise * size * drawn, seed=seed).sharp
    return found / num_draws


def main(num_draws: int = 200, num_scales: int = 12) -> None:
    scale = np.geomspace(1e6, 1e10, num_scales)
    x = np.log10(scale)
    print("| curve | " + " | ".join(f"{noise:.1%} noise" for noise in NOISES) + " |")
    print("|---|" + "---|" * len(NOISES))
    for name, curve in (smooth_curves(x) | stepped_curves(x)).items():
        rates = (f"{rate(scale, curve, noise, num_draws):.1%}" for noise in NOISES)
        print(f"| {name} | " + " | ".join(rates) + " |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
