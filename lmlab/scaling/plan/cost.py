"""Days and dollars, and how many tokens a size deserves."""

from __future__ import annotations

from dataclasses import dataclass

from lmlab.scaling.law import CHINCHILLA, Law
from lmlab.scaling.plan.accelerator import Accelerator, Number

TOKENS_PER_PARAM = 20.0


@dataclass(frozen=True, slots=True)
class Cost:
    """days and device_hours of a training run; usd: None where the price is not known."""

    flops: float
    days: float
    device_hours: float
    usd: float | None


def cost(
    flops: float,
    device: Accelerator,
    num_devices: int,
    utilisation: float,
    number: Number = "bf16",
    price_usd_hour: float | None = None,
) -> Cost:
    """What `flops` take on `num_devices` at a fraction `utilisation` (0..1) of their peak.

    Raises: ValueError for a utilisation outside 0..1 or no device.
    """
    if not 0 < utilisation <= 1 or num_devices < 1:
        raise ValueError(
            f"utilisation={utilisation} must be above 0 and at most 1, devices={num_devices} 1 or more"
        )
    hours = flops / (device.peak(number) * utilisation) / 3600.0
    price = device.price_usd_hour if price_usd_hour is None else price_usd_hour
    usd = None if price is None else hours * price
    return Cost(float(flops), hours / num_devices / 24.0, hours, usd)


def chinchilla_tokens(params: float) -> float:
    """20 tokens a parameter: what Chinchilla's first two approaches come to. Source: row S3-61."""
    return TOKENS_PER_PARAM * params


def tokens_by_law(params: float, law: Law = CHINCHILLA) -> float:
    """Tokens at which `params` is the best size by a fitted law, where both terms' returns meet."""
    ratio = law.alpha * law.A / (law.beta * law.B)
    return float((params**law.alpha / ratio) ** (1.0 / law.beta))
