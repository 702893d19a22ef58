"""The parametric law L(N, D) = E + A / N^alpha + B / D^beta and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmlab.scaling.points import FLOPS_PER_PARAM_TOKEN


@dataclass(frozen=True, slots=True)
class Law:
    """Loss in nats a token of N parameters trained on D tokens; E is the irreducible loss.

    Source: Hoffmann et al. 2022 (Chinchilla) equation 2; row S3-61.
    """

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    @property
    def a(self) -> float:
        """Exponent of the best size, N_opt ~ C^a, a = beta / (alpha + beta)."""
        return self.beta / (self.alpha + self.beta)

    @property
    def b(self) -> float:
        """Exponent of the best number of tokens, D_opt ~ C^b, b = 1 - a."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def falls(self) -> bool:
        """Whether the loss falls with size and with tokens, so that there is a best size."""
        return min(self.alpha, self.beta, self.A, self.B) > 0

    def loss(self, params: np.ndarray | float, tokens: np.ndarray | float) -> np.ndarray:
        """L(N, D), any shape."""
        params, tokens = np.asarray(params, np.float64), np.asarray(tokens, np.float64)
        return self.E + self.A * params**-self.alpha + self.B * tokens**-self.beta

    def optimum(
        self, flops: np.ndarray | float, per: float = FLOPS_PER_PARAM_TOKEN
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(size, tokens, loss) that spend `flops` = `per` N D best; nan where the law does not fall.

        Source: Chinchilla equation 4.
        """
        spent = np.asarray(flops, np.float64) / per
        if not self.falls:
            return (np.full_like(spent, np.nan),) * 3
        ratio = self.alpha * self.A / (self.beta * self.B)
        params = ratio ** (1.0 / (self.alpha + self.beta)) * spent**self.a
        tokens = spent / params
        return params, tokens, self.loss(params, tokens)

    def flops_for(self, loss: float, per: float = FLOPS_PER_PARAM_TOKEN) -> float:
        """The least compute that reaches `loss`. Raises: ValueError for a loss at or below E."""
        if loss <= self.E:
            raise ValueError(f"loss={loss} is not above the irreducible loss E={self.E:.4f}")
        # At the optimum both terms are proportional to C^(-alpha beta / (alpha + beta)).
        slope = self.alpha * self.beta / (self.alpha + self.beta)
        reducible = float(self.optimum(1.0, per)[2]) - self.E
        return float((reducible / (loss - self.E)) ** (1.0 / slope))


# Hoffmann et al. 2022, equation 10 of appendix D.3, as printed.
CHINCHILLA = Law(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
