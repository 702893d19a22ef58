"""Every fit that a scaling grid allows, with what is doubtful about each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from lmlab.scaling.bootstrap import bootstrap_laws
from lmlab.scaling.data_curve import data_curves, marginal_exponent
from lmlab.scaling.entropy import EntropyCheck, check_entropy
from lmlab.scaling.envelope import EnvelopeFit, fit_envelope
from lmlab.scaling.forecast import Forecast, forecast_largest
from lmlab.scaling.inference import inference_optimum
from lmlab.scaling.interval import Interval, interval
from lmlab.scaling.isoflop import IsoflopFit, fit_isoflop
from lmlab.scaling.law import Law
from lmlab.scaling.marginal import marginal_return
from lmlab.scaling.parametric import ParametricFit, fit_parametric
from lmlab.scaling.points import Curve, Points
from lmlab.scaling.power_law import PowerLaw, fit_kaplan
from lmlab.scaling.verdict import ExponentVerdict, judge_exponent
from lmlab.scaling.warn import count_warnings, fit_warnings, grid_warnings

T = TypeVar("T")
NAMES = (*(field.name for field in fields(Law)), "a", "b")


@dataclass(frozen=True, slots=True)
class Analysis:
    """The fits of a grid; None for one that the grid does not allow.

    estimates: E, A, B, alpha, beta, a, b of the parametric law; laws: its bootstrap draws;
    kaplan: L(N), L(D), L(C) by variable; data: Hestness curves by model size;
    chosen: which approach (1, 2 or 3) the verdict rests on.
    """

    points: Points
    curves: list[Curve]
    parametric: ParametricFit | None
    laws: list[Law]
    estimates: dict[str, Interval]
    isoflop: IsoflopFit | None
    envelope: EnvelopeFit | None
    kaplan: dict[str, PowerLaw]
    data: dict[float, PowerLaw]
    forecast: Forecast | None
    entropy: EntropyCheck | None
    verdict: ExponentVerdict
    chosen: int
    warnings: list[str]

    def exponents(self) -> dict[int, Interval]:
        """The exponent a by approach."""
        found = {}
        if self.envelope:
            found[1] = self.envelope.a
        if self.isoflop:
            found[2] = self.isoflop.a
        if self.parametric:
            found[3] = self.estimates["a"]
        return found

    def frontier(self, flops: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(S, m) size, tokens and loss of every bootstrap law at computes (m,)."""
        per = self.points.flops_per_param_token
        draws = [law.optimum(flops, per) for law in self.laws]
        size, tokens, loss = (np.stack(part) for part in zip(*draws, strict=True))
        return size, tokens, loss

    def sentences(self, budgets: Sequence[float], inference_tokens: float | None) -> list[str]:
        """What else the fits say, one sentence each."""
        found = [self.forecast.text()] if self.forecast else []
        if self.entropy:
            found.append(self.entropy.reason)
        if self.parametric:
            found += [self._marginal(budgets)]
            found += [self._inference(c, inference_tokens) for c in budgets if inference_tokens]
        middle = marginal_exponent(self.data)
        if middle:
            text = f"{middle.value:.3f} ({middle.low:.3f} to {middle.high:.3f} over sizes)"
            found.append(
                f"data curves loss = floor + k D^x of {len(self.data)} size(s): x = {text}"
            )
        return found

    def _marginal(self, budgets: Sequence[float]) -> str:
        assert self.parametric
        flops = max([*budgets, float(self.points.flops.max())])
        back = marginal_return(self.parametric.law, flops, self.points.flops_per_param_token)
        return (
            f"at {flops:.3g} FLOPs twice the compute takes {back.per_doubling:.4f} nats off "
            f"{back.loss:.4f}; halving the {back.left:.3f} nats left above E takes "
            f"{back.next_factor:.3g} times the compute"
        )

    def _inference(self, flops: float, tokens: float | None) -> str:
        assert self.parametric and tokens
        law = self.parametric.law
        loss = float(law.optimum(flops, self.points.flops_per_param_token)[2])
        best = inference_optimum(law, loss, tokens)
        return (
            f"to reach {loss:.4f} nats and then serve {tokens:.3g} tokens: {best.params:.3g} "
            f"parameters on {best.tokens:.3g} tokens ({best.ratio:.0f} a parameter), "
            f"{best.saved:.0%} less compute in all than the training optimum"
        )


def analyse(
    points: Points,
    *,
    curves: list[Curve] | None = None,
    entropy: float | None = None,
    num_draws: int = 400,
    seed: int = 0,
) -> Analysis:
    """Every fit that the grid allows. Raises: ValueError where no approach can be fitted."""
    warnings = count_warnings(points)
    parametric = _attempt("approach 3", warnings, lambda: _falling(fit_parametric(points)))
    isoflop = _attempt("approach 2", warnings, lambda: fit_isoflop(points, seed=seed))
    envelope = _attempt("approach 1", warnings, lambda: fit_envelope(curves)) if curves else None
    laws = bootstrap_laws(points, parametric, num_draws=num_draws, seed=seed) if parametric else []
    estimates = _estimates(parametric.law, laws) if parametric else {}
    warnings += grid_warnings(points, isoflop, parametric.law if parametric else None)
    chosen = 2 if isoflop else 1
    if parametric:
        doubts = fit_warnings(
            parametric, {name: estimates[name] for name in ("alpha", "beta", "a")}
        )
        warnings += doubts
        chosen = 3 if not doubts or not (isoflop or envelope) else chosen
    a = {
        1: envelope.a if envelope else None,
        2: isoflop.a if isoflop else None,
        3: estimates.get("a"),
    }[chosen]
    if a is None:
        raise ValueError(
            f"no approach fits this grid of {len(points)} runs: " + "; ".join(warnings)
        )
    return Analysis(
        points=points,
        curves=curves or [],
        parametric=parametric,
        laws=laws,
        estimates=estimates,
        isoflop=isoflop,
        envelope=envelope,
        kaplan=_kaplan(points),
        data=data_curves(points),
        forecast=_attempt("forecast", warnings, lambda: forecast_largest(points, seed=seed)),
        entropy=check_entropy(estimates["E"], entropy) if entropy and estimates else None,
        verdict=judge_exponent(a),
        chosen=chosen,
        warnings=warnings,
    )


def _falling(fit: ParametricFit) -> ParametricFit:
    """The fit. Raises: ValueError for one whose optimum means nothing."""
    if not fit.law.falls:
        raise ValueError(
            f"the best L(N, D) does not fall with size or with tokens (alpha = {fit.law.alpha:.3g}, "
            f"beta = {fit.law.beta:.3g}); train longer, or over a wider range"
        )
    return fit


def _attempt(name: str, warnings: list[str], fit: Callable[[], T]) -> T | None:
    try:
        return fit()
    except ValueError as error:
        warnings.append(f"{name} is left out: {error}")
        return None


def _estimates(law: Law, laws: list[Law]) -> dict[str, Interval]:
    return {
        name: interval(getattr(law, name), np.array([getattr(draw, name) for draw in laws]))
        for name in NAMES
    }


def _kaplan(points: Points) -> dict[str, PowerLaw]:
    found = {}
    for variable in ("params", "tokens", "flops"):
        try:
            found[variable] = fit_kaplan(points, variable)  # type: ignore[arg-type]
        except ValueError:
            continue
    return found
