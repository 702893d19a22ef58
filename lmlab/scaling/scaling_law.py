"""The stage that trains nothing: from a grid of finished runs to a report."""

from __future__ import annotations

from pathlib import Path

from lmlab.scaling.points import Curve, Points
from lmlab.scaling.read import read_curves, read_points
from lmlab.scaling.report import Report, report


class ScalingLaw:
    """Fits, verdict and figures of a grid, from runs that were tracked or from a CSV file.

    runs: parent runs whose children are the points; reading them is the caller's business, who hands
    them to `report`. Raises: ValueError unless exactly one of `csv` and `runs` is given.
    """

    def __init__(
        self,
        *,
        csv: str | None,
        runs: list[str],
        columns: dict[str, str],
        curves: str | None,
        budgets: list[float],
        inference_tokens: float | None,
        entropy_nats: float | None,
        num_draws: int,
    ) -> None:
        if (csv is None) == (not runs):
            given = "both" if runs else "neither"
            raise ValueError(
                f"stage.csv and stage.runs: {given} given; set stage.csv=grid.csv (columns params, "
                "tokens, loss) or stage.runs=[PARENT_RUN]"
            )
        if num_draws < 50:
            raise ValueError(f"stage.num_draws={num_draws} is too few for an interval; 50 or more")
        if any(flops <= 0 for flops in budgets):
            raise ValueError(f"stage.budgets={budgets} must all be above 0 FLOPs")
        self.csv, self.runs, self.columns, self.curves = csv, runs, columns, curves
        self.budgets, self.num_draws = budgets, num_draws
        self.inference_tokens, self.entropy_nats = inference_tokens, entropy_nats

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
