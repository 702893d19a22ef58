"""The best size when the model will also be used: training and inference compute together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmlab.scaling.law import Law

STEPS = 4001


@dataclass(frozen=True, slots=True)
class InferenceOptimum:
    """What reaches a loss with the least total compute.

    flops: 6 N D + 2 N D_inference; ratio: tokens a parameter; saved: the fraction of the total that
    the plain Chinchilla optimum of the same loss would have cost more, 0..1.
    """

    params: float
    tokens: float
    flops: float
    ratio: float
    saved: float


def inference_optimum(law: Law, loss: float, inference_tokens: float) -> InferenceOptimum:
    """Minimise 6 N D + 2 N D_inference over sizes that reach `loss`.

    Raises: ValueError for a loss at or below E, or negative inference tokens.
    Source: Sardana and Frankle 2023, Beyond Chinchilla-Optimal (arXiv 2401.00448) equation 3;
    row S4-48. With no inference it is Chinchilla's optimum.
    """
    if inference_tokens < 0:
        raise ValueError(f"inference_tokens={inference_tokens} is negative; 0 means training only")
    plain = float(law.optimum(law.flops_for(loss))[0])
    smallest = (law.A / (loss - law.E)) ** (1.0 / law.alpha)  # reaches the loss with endless data
    low, high = np.log(smallest) + 1e-6, np.log(plain) + 1e-9
    for _ in range(6):
        sizes = np.linspace(low, high, STEPS)
        total = _total(law, loss, inference_tokens, np.exp(sizes))
        best = int(np.argmin(total))
        low, high = sizes[max(0, best - 1)], sizes[min(STEPS - 1, best + 1)]
    params = float(np.exp(sizes[best]))
    tokens = float(_tokens(law, loss, np.array(params)))
    flops = float(total[best])
    cost = float(_total(law, loss, inference_tokens, np.array(plain)))
    return InferenceOptimum(params, tokens, flops, tokens / params, 1.0 - flops / cost)


def _tokens(law: Law, loss: float, params: np.ndarray) -> np.ndarray:
    """How many training tokens bring each size to the loss."""
    left = loss - law.E - law.A * params**-law.alpha
    return (law.B / left) ** (1.0 / law.beta)


def _total(law: Law, loss: float, inference_tokens: float, params: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return params * (6.0 * _tokens(law, loss, params) + 2.0 * inference_tokens)
