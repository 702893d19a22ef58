"""What more compute buys: the marginal return of pretraining."""

from __future__ import annotations

from dataclasses import dataclass

from lmlab.scaling.law import Law
from lmlab.scaling.points import FLOPS_PER_PARAM_TOKEN


@dataclass(frozen=True, slots=True)
class MarginalReturn:
    """At one compute, spent at the optimum.

    loss: nats a token; per_doubling: nats that twice the compute takes off; next_factor: how many
    times the compute halves what is left above E; left: nats above E.
    """

    flops: float
    loss: float
    per_doubling: float
    next_factor: float
    left: float


def marginal_return(law: Law, flops: float, per: float = FLOPS_PER_PARAM_TOKEN) -> MarginalReturn:
    """The return on compute at `flops`: the reducible loss falls as C^(-alpha beta / (alpha + beta)).

    Source: row S4-46 ("logarithmic in inputs"): a fixed gain costs a fixed factor of compute, and
    by this law the gain of a doubling itself shrinks.
    """
    exponent = law.alpha * law.beta / (law.alpha + law.beta)
    loss = float(law.optimum(flops, per)[2])
    left = loss - law.E
    return MarginalReturn(
        flops=float(flops),
        loss=loss,
        per_doubling=left * (1.0 - 2.0**-exponent),
        next_factor=float(2.0 ** (1.0 / exponent)),
        left=left,
    )
