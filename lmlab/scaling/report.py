"""The whole answer to a scaling grid: table, verdict, optima, warnings, figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmlab.scaling.analysis import Analysis, analyse
from lmlab.scaling.answer import Answer
from lmlab.scaling.draw import draw_figures
from lmlab.scaling.interval import Interval
from lmlab.scaling.markdown import markdown_table
from lmlab.scaling.points import Curve, Points
from lmlab.scaling.table import approach_rows, metrics_of, optimum_rows
from lmlab.scaling.verdict import ExponentVerdict


@dataclass(frozen=True, slots=True)
class Report:
    """What a scaling grid says.

    rows: one approach a row; optima: one compute and approach a row; estimates: E, A, B, alpha,
    beta, a, b of L(N, D) with intervals; verdict: on the exponent a; sentences: forecast, entropy,
    inference, marginal return; warnings: what weakens all that; metrics: numbers for a tracker, by
    name; figures: by file stem; analysis: the fits themselves.
    """

    rows: list[dict[str, Any]]
    optima: list[dict[str, Any]]
    estimates: dict[str, Interval]
    verdict: ExponentVerdict
    sentences: list[str]
    warnings: list[str]
    metrics: dict[str, float]
    figures: dict[str, Any]
    analysis: Analysis = field(repr=False)

    def text(self) -> str:
        """Markdown: verdict, warnings, tables, sentences."""
        parts = [f"**{self.verdict.rule}.** {self.verdict.reason}."]
        if self.warnings:
            parts.append("\n".join(f"- Warning: {warning}" for warning in self.warnings))
        parts.append(markdown_table(self.rows))
        if self.optima:
            parts.append(markdown_table(self.optima))
        parts.append("\n".join(f"- {sentence}" for sentence in self.sentences))
        return "\n\n".join(part for part in parts if part) + "\n"

    def save(self, folder: str | Path) -> list[Path]:
        """Write report.md, approaches.csv, optima.csv and every figure as png and pdf."""
        tables = {"approaches": self.rows, "optima": self.optima}
        return Answer(self.text(), self.metrics, self.figures, tables).save(folder)


def report(
    points: Points,
    *,
    curves: list[Curve] | None = None,
    budgets: Sequence[float] = (),
    inference_tokens: float | None = None,
    entropy_nats: float | None = None,
    num_draws: int = 400,
    seed: int = 0,
    figures: bool = True,
) -> Report:
    """Fit a grid in every way that it allows and say what follows.

    points: the runs; curves: their training curves, for approach 1; budgets: computes (FLOPs) to
    plan for: "this size, these tokens, this loss +- interval"; inference_tokens: tokens the model
    will serve, for the inference-aware optimum of every budget's loss; entropy_nats: the source's
    known entropy, to check E. An approach that the grid does not allow is left out with a warning.
    The verdict is of approach 3 if it is identified, else of 2, else of 1.

        points = read_points("grid.csv")
        found = report(points, budgets=[1e17, 1e18])
        print(found.text())
        found.save("runs/grid/scaling")

    Raises: ValueError where not even one approach can be fitted.
    """
    analysis = analyse(points, curves=curves, entropy=entropy_nats, num_draws=num_draws, seed=seed)
    optima = optimum_rows(analysis, budgets)
    drawn = draw_figures(analysis, budgets) if figures else {}
    return Report(
        rows=approach_rows(analysis),
        optima=optima,
        estimates=analysis.estimates,
        verdict=analysis.verdict,
        sentences=analysis.sentences(budgets, inference_tokens),
        warnings=analysis.warnings,
        metrics=metrics_of(analysis),
        figures=drawn,
        analysis=analysis,
    )
