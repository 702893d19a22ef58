"""What a sweep shows beside its laws: abilities over scale, jumps, forecasts of its runs' ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmlab.scaling.ability import fit_ability
from lmlab.scaling.answer import Answer
from lmlab.scaling.early import EarlyForecast, forecast_end
from lmlab.scaling.grid_run import GridRun, raw_curve, usable
from lmlab.scaling.jump import judge_jump
from lmlab.scaling.markdown import markdown_table

LABELS = {"params": "parameters", "tokens": "training tokens", "flops": "training compute (FLOPs)"}


@dataclass(frozen=True, slots=True)
class Beside:
    """abilities: metrics in 0..1; chance: their value by guessing; scale: a column of the grid;
    jump_smooth, jump_thresholded: two metrics of one ability; early_fraction: of each run that is
    used to forecast its end. Raises: ValueError for one form of a jump without the other.
    Source: rows S1-05, S1-20, S4-33, S4-34.
    """

    abilities: list[str]
    chance: float
    scale: str
    jump_smooth: str | None
    jump_thresholded: str | None
    early_fraction: float | None

    def __post_init__(self) -> None:
        if (self.jump_smooth is None) != (self.jump_thresholded is None):
            raise ValueError(
                f"stage.jump_smooth={self.jump_smooth} and stage.jump_thresholded="
                f"{self.jump_thresholded} go together; set both, such as val/loss_nats and val/accuracy"
            )
        if not 0 <= self.chance < 1:
            raise ValueError(f"stage.chance={self.chance} must be 0 or more and below 1")
        if self.early_fraction is not None and not 0 < self.early_fraction < 1:
            raise ValueError(f"stage.early_fraction={self.early_fraction} must be between 0 and 1")

    @property
    def asked(self) -> str:
        """The first setting that asks for something; "" where nothing is."""
        given = {
            "abilities": self.abilities,
            "jump_smooth": self.jump_smooth,
            "early_fraction": self.early_fraction,
        }
        return next((name for name, value in given.items() if value), "")

    def answer(self, runs: Sequence[GridRun], columns: dict[str, str]) -> Answer:
        """All that is asked for, one after the other."""
        parts = [self._abilities(runs, columns), self._jump(runs, columns), self._early(runs)]
        merged = Answer("\n\n".join(part.text for part in parts if part.text), {})
        for part in parts:
            for name in ("metrics", "figures", "tables", "summary"):
                getattr(merged, name).update(getattr(part, name))
        return merged

    def _abilities(self, runs: Sequence[GridRun], columns: dict[str, str]) -> Answer:
        if not self.abilities:
            return Answer("", {})
        from lmlab.scaling.figure.ability import ability_figure

        curves = []
        for name in self.abilities:
            scale, score = self._values(runs, columns, name)
            curves.append(fit_ability(name, scale, score, chance=self.chance))
        rows = [
            {
                "ability": curve.name,
                f"half-way at ({self.scale})": curve.midpoint.text(),
                "a tenth of the way at": f"{curve.appears:.3g}",
                "reached": "yes" if curve.reached else "no",
            }
            for curve in sorted(curves, key=lambda curve: curve.midpoint.value)
        ]
        return Answer(
            f"### Abilities over {LABELS[self.scale]}\n\n{markdown_table(rows)}",
            {},
            {"ability": ability_figure(curves, LABELS[self.scale])},
            {"abilities": rows},
        )

    def _jump(self, runs: Sequence[GridRun], columns: dict[str, str]) -> Answer:
        if self.jump_smooth is None or self.jump_thresholded is None:
            return Answer("", {})
        from lmlab.scaling.figure.jump import jump_figure

        kept, _ = usable(runs, [self.jump_smooth, self.jump_thresholded])
        scale, smooth = self._values(kept, columns, self.jump_smooth)
        thresholded = self._values(kept, columns, self.jump_thresholded)[1]
        verdict = judge_jump(scale, smooth, thresholded)
        names, drawn = (self.jump_smooth, self.jump_thresholded), (scale, smooth, thresholded)
        return Answer(
            f"### Is there a jump?\n\n**{verdict.verdict}**: {verdict.reason}",
            {
                "scaling/jump_p_smooth": verdict.smooth.p_value,
                "scaling/jump_p_thresholded": verdict.thresholded.p_value,
                "scaling/jump_power": verdict.power,
            },
            {"jump": jump_figure(*drawn, verdict, names, LABELS[self.scale])},
            summary={"jump": f"{verdict.verdict}: {verdict.reason}"},
        )

    def _values(
        self, runs: Sequence[GridRun], columns: dict[str, str], metric: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scales (n,), each once, and the mean of a metric at each (n,). Raises: ValueError for none."""
        kept, _ = usable(runs, [metric])
        if not kept:
            have = sorted({name for run in runs for name in run.metrics if "/" in name})
            raise ValueError(f"stage: no run has the metric {metric}; they have {', '.join(have)}")
        scale = np.array([run.metrics[columns[self.scale]] for run in kept])
        values = np.array([run.metrics[metric] for run in kept])
        each, place = np.unique(scale, return_inverse=True)
        return each, np.bincount(place, values) / np.bincount(place)

    def _early(self, runs: Sequence[GridRun]) -> Answer:
        if self.early_fraction is None:
            return Answer("", {})
        from lmlab.scaling.figure.early import early_figure

        found: list[tuple[GridRun, EarlyForecast]] = []
        why = "no run kept a training curve"
        for run in runs:
            curve = raw_curve(run)
            try:
                if curve is not None:
                    found.append((run, forecast_end(*curve, fraction=self.early_fraction)))
            except ValueError as error:
                why = str(error)
        if not found:
            return Answer(f"No forecast of the runs' ends: {why}", {})
        rows = [_early_row(run, forecast) for run, forecast in found]
        errors = np.array([forecast.error for _, forecast in found], np.float64)
        run, forecast = max(found, key=lambda pair: pair[1].tokens)
        shown = raw_curve(run)
        assert shown is not None
        inside = sum(row["inside"] == "yes" for row in rows)
        return Answer(
            f"- Ends of {len(rows)} runs from their first {self.early_fraction:.0%}: mean error "
            f"{errors.mean():+.1%}, largest {np.abs(errors).max():.1%}, {inside} inside the 90 % "
            "interval, which knows nothing of the falling learning rate.",
            {"scaling/early_error_mean": float(np.abs(errors).mean())},
            {"early": early_figure(*shown, forecast)},
            {"early": rows},
        )


def _early_row(run: GridRun, forecast: EarlyForecast) -> dict[str, Any]:
    assert forecast.error is not None
    measured = forecast.loss.value / (1 + forecast.error)
    return {
        "run": run.name,
        "forecast (nats)": forecast.loss.text(3),
        "measured": f"{measured:.3f}",
        "error": f"{forecast.error:+.1%}",
        "inside": "yes" if measured in forecast.loss else "no",
    }
