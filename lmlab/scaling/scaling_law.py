"""The stage that trains nothing: from a grid of finished runs to a report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

from lmlab.scaling.answer import Answer
from lmlab.scaling.beside import Beside
from lmlab.scaling.grid_run import GridRun, curves_of, points_of, usable
from lmlab.scaling.points import Curve, Points
from lmlab.scaling.read import read_curves, read_points
from lmlab.scaling.report import Report, report

ENTROPY = "data/entropy_rate_nats"  # what a source that knows its entropy adds to a run's metrics


class ScalingLaw:
    """Fits, verdict and figures of a grid, from runs that were tracked or from a CSV file.

    runs: sweeps or runs whose finished jobs are the points; reading them is the caller's business.
    Raises: ValueError unless exactly one of `csv` and `runs` is given, and for numbers that cannot be.
    """

    needs_model: ClassVar[bool] = False

    def __init__(
        self,
        *,
        csv: str | None,
        runs: list[str],
        columns: dict[str, str],
        size: Literal["non_embedding", "total"],
        curves: str | None,
        budgets: list[float],
        inference_tokens: float | None,
        entropy_nats: float | None,
        num_draws: int,
        abilities: list[str],
        chance: float,
        scale: Literal["params", "tokens", "flops"],
        jump_smooth: str | None,
        jump_thresholded: str | None,
        early_fraction: float | None,
    ) -> None:
        if (csv is None) == (not runs):
            given = "both" if runs else "neither"
            raise ValueError(
                f"stage.csv and stage.runs: {given} given; set stage.csv=grid.csv (columns params, "
                "tokens, loss) or stage.runs=[SWEEP], a sweep's folder or the id of its MLflow run"
            )
        if num_draws < 50:
            raise ValueError(f"stage.num_draws={num_draws} is too few for an interval; 50 or more")
        if any(flops <= 0 for flops in budgets):
            raise ValueError(f"stage.budgets={budgets} must all be above 0 FLOPs")
        self.csv, self.runs, self.columns, self.curves = csv, runs, columns, curves
        self.size, self.budgets, self.num_draws = size, budgets, num_draws
        self.inference_tokens, self.entropy_nats = inference_tokens, entropy_nats
        self.beside = Beside(
            abilities, chance, scale, jump_smooth, jump_thresholded, early_fraction
        )
        if csv is not None and self.beside.asked:
            raise ValueError(
                f"stage.{self.beside.asked} needs metrics of runs, which a CSV file does not have; "
                "set stage.runs in place of stage.csv"
            )

    @property
    def metrics(self) -> dict[str, str]:
        """The metric of a run that each column is."""
        of_runs = {
            "params": f"params/{self.size}",
            "tokens": "progress/tokens",
            "loss": "val/loss_nats",
            "flops": "progress/flops",
        }
        return of_runs | self.columns

    def answer(self, read_runs: Callable[[list[str]], list[GridRun]]) -> Answer:
        """Everything that the grid says; read_runs: the runs of the names in `runs`."""
        if self.csv is not None:
            return _answer(self.report(), [], Answer("", {}))
        metrics = self.metrics
        runs, left_out = usable(read_runs(self.runs), list(metrics.values()))
        beside = self.beside.answer(runs, metrics)
        try:
            found = self._law_of(runs, metrics)
        except ValueError as error:
            if not self.beside.asked:
                raise
            why = f"No scaling law, which is no matter for the above: {str(error).split(':')[0]}."
            return _beside_alone(beside, why, left_out)
        return _answer(found, left_out, beside, runs, metrics)

    def _law_of(self, runs: list[GridRun], metrics: dict[str, str]) -> Report:
        """The report on the runs, their curves and what they know of their source's entropy."""
        points = points_of(runs, metrics)
        curves = None if self.curves else curves_of(runs, metrics["params"]) or None
        entropies = {run.metrics[ENTROPY] for run in runs if ENTROPY in run.metrics}
        return self.report(points, curves, entropies.pop() if len(entropies) == 1 else None)

    def points(self) -> Points:
        """The points of the CSV file. Raises: ValueError as `read_points`."""
        assert self.csv is not None, "the caller reads tracked runs"
        return read_points(self.csv, self.columns)

    def report(
        self,
        points: Points | None = None,
        curves: list[Curve] | None = None,
        entropy_nats: float | None = None,
    ) -> Report:
        """The report on `points`, or on the CSV file; entropy_nats: what the source knows of itself."""
        if curves is None and self.curves is not None:
            names = {key: name for key, name in self.columns.items() if key != "flops"}
            curves = read_curves(Path(self.curves), names)
        known = self.entropy_nats if self.entropy_nats is not None else entropy_nats
        return report(
            self.points() if points is None else points,
            curves=curves,
            budgets=self.budgets,
            inference_tokens=self.inference_tokens,
            entropy_nats=known,
            num_draws=self.num_draws,
        )


def _beside_alone(beside: Answer, why: str, left_out: list[str]) -> Answer:
    """What was asked beside the laws, of a sweep that is no grid."""
    parts = [beside.text, why, *(f"- Left out: {text}" for text in left_out)]
    summary = beside.summary | {"law": why}
    text = "\n\n".join(part.strip() for part in parts if part) + "\n"
    return Answer(text, beside.metrics, beside.figures, beside.tables, summary)


def _answer(
    found: Report,
    left_out: list[str],
    beside: Answer,
    runs: list[GridRun] | None = None,
    metrics: dict[str, str] | None = None,
) -> Answer:
    parts = [found.text(), *(f"- Left out: {text}" for text in left_out), beside.text]
    tables = {"approaches": found.rows, "optima": found.optima}
    if runs and metrics:
        rows = [
            {"run": r.name, **{key: r.metrics[name] for key, name in metrics.items()}} for r in runs
        ]
        tables["points"] = rows
    summary = {"verdict": f"{found.verdict.rule}: {found.verdict.reason}"}
    if found.estimates:
        law = found.rows[[row["fit"][0] for row in found.rows].index("3")]["law"]
        summary |= {"law": law, "floor": f"E = {found.estimates['E'].text()} nats"}
    if found.analysis.forecast:
        summary["forecast"] = found.analysis.forecast.text()
    if found.warnings:
        summary["warnings"] = f"{len(found.warnings)}, in the report"
    return Answer(
        text="\n\n".join(part.strip() for part in parts if part) + "\n",
        metrics=found.metrics | beside.metrics,
        figures=found.figures | beside.figures,
        tables={name: table for name, table in (tables | beside.tables).items() if table},
        summary=summary | beside.summary,
    )
