"""The numbers of an analysis as rows, Markdown, CSV and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lmlab.scaling.analysis import Analysis
from lmlab.scaling.interval import interval
from lmlab.scaling.power_law import KAPLAN
from lmlab.scaling.verdict import judge_exponent

APPROACHES = {1: "1 envelope", 2: "2 isoFLOP parabolas", 3: "3 parametric L(N, D)"}
LETTER = {"params": "N", "tokens": "D", "flops": "C"}


def approach_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """One row for every approach that was fitted, then Kaplan's three laws."""
    rows = []
    for number, a in analysis.exponents().items():
        rows.append(
            {
                "fit": APPROACHES[number],
                "law": _law_text(analysis, number),
                "exponent": f"a = {a.text()}",
                "published": "0.50 Chinchilla, 0.73 Kaplan",
                "verdict": judge_exponent(a).rule,
            }
        )
    for variable, law in analysis.kaplan.items():
        letter = LETTER[variable]
        rows.append(
            {
                "fit": f"Kaplan L({letter})",
                "law": f"L = {law.factor:.3g} {letter}^{law.exponent.value:.3f}",
                "exponent": law.exponent.text(),
                "published": f"-{KAPLAN[variable]:.3f}",
                "verdict": f"{len(law.x)} runs on the frontier",
            }
        )
    return rows


def _law_text(analysis: Analysis, number: int) -> str:
    if number == 3 and analysis.parametric:
        law = analysis.parametric.law
        return f"L = {law.E:.3f} + {law.A:.4g} / N^{law.alpha:.3f} + {law.B:.4g} / D^{law.beta:.3f}"
    fit = analysis.isoflop if number == 2 else analysis.envelope
    assert fit
    return f"N_opt = {fit.size.factor:.3g} C^{fit.size.exponent.value:.3f}"


def optimum_rows(analysis: Analysis, budgets: Sequence[float]) -> list[dict[str, Any]]:
    """For every compute and approach: this size, these tokens, this loss and its interval."""
    per = analysis.points.flops_per_param_token
    rows = []
    for flops in budgets:
        if analysis.parametric:
            size, tokens, loss = (float(x) for x in analysis.parametric.law.optimum(flops, per))
            draws = [part[:, 0] for part in analysis.frontier(np.array([flops]))]
            ends = interval(size, draws[0])
            rows.append(
                _optimum(flops, APPROACHES[3], size, tokens, interval(loss, draws[2]).text())
                | {"size interval": f"{ends.low:.3g} to {ends.high:.3g}"}
            )
        for number, fit in ((2, analysis.isoflop), (1, analysis.envelope)):
            if fit:
                size, tokens, loss = fit.optimum(flops, per)
                if analysis.parametric:  # which has a floor, unlike the power law of the minima
                    loss = float(analysis.parametric.law.loss(size, tokens))
                rows.append(_optimum(flops, APPROACHES[number], size, tokens, f"{loss:.3f}"))
    return rows


def _optimum(flops: float, fit: str, size: float, tokens: float, loss: str) -> dict[str, Any]:
    return {
        "FLOPs": f"{flops:.3g}",
        "fit": fit,
        "parameters": f"{size:.3g}",
        "tokens": f"{tokens:.3g}",
        "tokens a parameter": f"{tokens / size:.1f}",
        "loss (nats)": loss,
        "size interval": "",
    }


def metrics_of(analysis: Analysis) -> dict[str, float]:
    """Numbers for a tracker: every exponent with its interval, E, the forecast's error, condition."""
    found: dict[str, float] = {}
    for number, a in analysis.exponents().items():
        if number == analysis.chosen:
            found["scaling/size_exponent"] = a.value
        name = f"scaling/size_exponent_approach_{number}"
        found |= {name: a.value, f"{name}_low": a.low, f"{name}_high": a.high}
    for key in ("E", "alpha", "beta") if analysis.estimates else ():
        name = "scaling/floor_nats" if key == "E" else f"scaling/{key}"
        estimate = analysis.estimates[key]
        found |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    for variable, law in analysis.kaplan.items():
        found[f"scaling/kaplan_{variable}_exponent"] = law.exponent.value
    if analysis.forecast:
        found["scaling/forecast_error"] = float(np.abs(analysis.forecast.error).max())
        found["scaling/forecast_covered"] = analysis.forecast.covered
    if analysis.entropy:
        found["scaling/floor_above_entropy_nats"] = analysis.entropy.gap
        found["scaling/floor_agrees"] = float(analysis.entropy.agrees)
    found["scaling/num_runs"] = float(len(analysis.points))
    found["scaling/num_warnings"] = float(len(analysis.warnings))
    return {name: value for name, value in found.items() if np.isfinite(value)}
