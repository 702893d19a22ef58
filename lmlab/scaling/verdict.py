"""Kaplan or Chinchilla: which rule for the best size the interval of the exponent supports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lmlab.scaling.interval import Interval

KAPLAN, CHINCHILLA, TOLERANCE = 0.73, 0.50, 0.06
Rule = Literal["Kaplan", "Chinchilla", "neither", "undecided"]


@dataclass(frozen=True, slots=True)
class ExponentVerdict:
    """Which rule, and one sentence that says why."""

    rule: Rule
    reason: str


def judge_exponent(a: Interval) -> ExponentVerdict:
    """N_opt ~ C^a against Kaplan's a = 0.73 and Chinchilla's a = 0.50, each +- 0.06.

    The tolerance holds all of Chinchilla's published estimates (0.46 to 0.50). A rule is supported
    where at least half of the interval lies in its range; an interval that only reaches into one,
    or is wider than the 0.23 between the rules, decides nothing.
    Source: Kaplan et al. 2020 section 6.1; Hoffmann et al. 2022 table 2; rows S4-31, S3-61.
    """
    found = f"N_opt grows as C^a with a = {a.text()}"
    kaplan = a.share_inside(KAPLAN - TOLERANCE, KAPLAN + TOLERANCE)
    chinchilla = a.share_inside(CHINCHILLA - TOLERANCE, CHINCHILLA + TOLERANCE)
    if a.width > KAPLAN - CHINCHILLA:
        why = (
            f"wider than the {KAPLAN - CHINCHILLA:.2f} between Kaplan's 0.73 and Chinchilla's 0.50"
        )
        return ExponentVerdict("undecided", f"{found}: {why}")
    if kaplan >= 0.5:
        return ExponentVerdict("Kaplan", f"{found}: near 0.73, most of new compute goes into size")
    if chinchilla >= 0.5:
        why = "near 0.50, size and tokens grow about equally"
        return ExponentVerdict("Chinchilla", f"{found}: {why}")
    if max(kaplan, chinchilla) > 0:
        near = "0.73" if kaplan > chinchilla else "0.50"
        return ExponentVerdict("undecided", f"{found}: mostly outside {near} +- 0.06, but not all")
    return ExponentVerdict("neither", f"{found}: outside both 0.73 and 0.50 (+- 0.06)")
