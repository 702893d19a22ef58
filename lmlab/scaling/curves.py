"""The stage that draws metrics of finished runs against each other and tells how they end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from lmlab.scaling.answer import Answer
from lmlab.scaling.grid_run import GridRun
from lmlab.scaling.markdown import markdown_table
from lmlab.scaling.turn import FEWEST, Turn, find_turn

STEP = "step"
UNITS = ("nats", "seconds", "flops", "tokens")
LONG = 10  # averages that a curve has at least
END = 0.1  # share of a curve, at its end, that its last value is the mean of


class Curves:
    """Lines of y over x for every run, as one figure, a table and metrics.

    lines: labels by the names of the jobs, {} takes every run with the metrics; y: labels by metric;
    renamed: what metrics are called in one job. Metrics: curves/JOB/METRIC, the mean of the last
    tenth of the curve; with `turn` also curves/JOB/turns (1 or 0), and curves/JOB/correlation with
    _low and _high, of the first two metrics from the turning point on, which is curves/JOB/turn_x.
    """

    needs_model: ClassVar[bool] = False

    def __init__(
        self,
        *,
        runs: list[str],
        lines: dict[str, str],
        x: str,
        x_label: str | None,
        x_scale: Literal["linear", "sqrt", "log"],
        y: dict[str, str | None],
        renamed: dict[str, dict[str, str]],
        together: bool,
        average: int,
        turn: bool,
        verticals: dict[str, float],
    ) -> None:
        if not runs or not y:
            raise ValueError(
                f"stage.runs={runs} and stage.y={y}: name runs and metrics, such as "
                "stage.runs=[SWEEP] 'stage.y={val/loss_nats: null}'"
            )
        if average < 1:
            raise ValueError(f"stage.average={average} must be 1 or more")
        if turn and len(y) < 2:
            raise ValueError("stage.turn=true compares two metrics; stage.y has one")
        unknown = sorted(set(renamed) - set(lines)) if lines else []
        if unknown:
            raise ValueError(f"stage.renamed names {unknown[0]}, which stage.lines does not have")
        self.runs, self.lines, self.x, self.renamed = runs, lines, x, renamed
        self.labels = {name: text or words(name) for name, text in y.items()}
        self.x_label, self.x_scale = x_label or words(x), x_scale
        self.together, self.average, self.turn = together, average, turn
        self.verticals = verticals

    def answer(self, read_runs: Callable[[list[str], tuple[str, ...]], list[GridRun]]) -> Answer:
        """The figure `curves`, the table of its points, and how every line ends.

        read_runs: the runs of the names in `runs`, with the history of the metrics that are asked for.
        Raises: ValueError where no run has them, or one of `lines` has not.
        """
        from lmlab.scaling.figure.curves import Line, curves_figure

        names = {self.x, *self.labels} - {STEP}
        names |= {own for other in self.renamed.values() for own in other.values()}
        found = self._found(read_runs(self.runs, tuple(sorted(names))))
        metrics: dict[str, float] = {}
        drawn, rows, table = [], [], []
        for job, (label, x, values) in found.items():
            turn = self._turn(x, values)
            ends = {name: float(_end(y).mean()) for name, y in values.items()}
            metrics |= {f"curves/{_slug(job)}/{_slug(name)}": end for name, end in ends.items()}
            metrics |= _of_turn(f"curves/{_slug(job)}", turn)
            rows.append(self._row(label, x, ends, turn))
            x, values = self._averaged(x, values)
            drawn.append(Line(label, x, values, turn.place if turn else None))
            table += [
                {"run": label, self.x: place, **dict(zip(values, row, strict=True))}
                for place, *row in zip(
                    x.tolist(), *(y.tolist() for y in values.values()), strict=True
                )
            ]
        figure = curves_figure(
            drawn,
            self.labels,
            x_label=self.x_label,
            x_scale=self.x_scale,
            together=self.together,
            verticals=self.verticals,
        )
        text = markdown_table(rows) + "\n"
        return Answer(text, metrics, {"curves": figure}, {"points": table}, _summary(rows))

    def _found(self, runs: list[GridRun]) -> dict[str, tuple[str, np.ndarray, dict[str, Any]]]:
        """(label, x (t,), metrics (t,)) of every run that is drawn, by the job's name."""
        found, lacking = {}, {}
        for run in runs:
            if run.name in self.lines or not self.lines:
                curve = self._curve(run)
                if isinstance(curve, str):
                    lacking[run.name] = curve
                else:
                    found[run.name] = (self.lines.get(run.name, run.name), *curve)
        for job in self.lines:
            if job not in found:
                have = ", ".join(run.name for run in runs)
                what = f"has no {lacking[job]}" if job in lacking else f"is not one of {have}"
                raise ValueError(f"stage.lines: {job} {what}")
        if not found:
            raise ValueError(f"no run of stage.runs has {', '.join([self.x, *self.labels])}")
        return {job: found[job] for job in self.lines} if self.lines else found

    def _curve(self, run: GridRun) -> tuple[np.ndarray, dict[str, Any]] | str:
        """x and metrics at the steps that have all of them, or the first that is missing."""
        own = self.renamed.get(run.name, {})
        wanted = {name: own.get(name, name) for name in (self.x, *self.labels) if name != STEP}
        for name in wanted.values():
            if name not in run.history:
                return name
        steps = run.history[wanted[next(iter(self.labels))]][0]
        for name in wanted.values():
            steps = np.intersect1d(steps, run.history[name][0])
        if not len(steps):
            return f"step with all of {', '.join(wanted.values())}"
        values = {}
        for name, logged in wanted.items():
            at, all_values = run.history[logged]
            values[name] = all_values[np.searchsorted(at, steps)]
        x = steps.astype(np.float64) if self.x == STEP else values[self.x]
        return x, {name: values[name] for name in self.labels}

    def _turn(self, x: np.ndarray, values: dict[str, Any]) -> Turn | None:
        if not self.turn or len(x) < FEWEST:
            return None
        first, second, *_ = values.values()
        return find_turn(x, first, second)

    def _averaged(self, x: np.ndarray, values: dict[str, Any]) -> tuple[np.ndarray, dict[str, Any]]:
        """Curves of few points stay as they are."""
        if self.average == 1 or len(x) < LONG * self.average:
            return x, values
        number = -(-len(x) // self.average)
        pages = [np.array_split(page, number) for page in (x, *values.values())]
        means = [np.array([part.mean() for part in page]) for page in pages]
        return means[0], dict(zip(values, means[1:], strict=True))

    def _row(
        self, label: str, x: np.ndarray, ends: dict[str, float], turn: Turn | None
    ) -> dict[str, str]:
        """What people read of a line."""
        row = {"run": label, f"{self.x_label} at the end": f"{_end(x).mean():.4g}"}
        row |= {f"{self.labels[name]} at the end": f"{end:.4g}" for name, end in ends.items()}
        if self.turn:
            row["opposed from"] = (
                "never" if turn is None or turn.place is None else f"{turn.place:.3g}"
            )
            row["correlation there on"] = (
                f"{turn.correlation:.2f} ({turn.low:.2f} to {turn.high:.2f})" if turn else ""
            )
        return row


def words(name: str) -> str:
    """A metric for people: val/loss_nats becomes `val loss (nats)`."""
    text = name.replace("/", " ").replace("_", " ")
    for unit in UNITS:
        if text.endswith(f" {unit}"):
            return f"{text.removesuffix(unit).rstrip()} ({unit})"
    return text


def _end(values: np.ndarray) -> np.ndarray:
    return values[-max(1, round(END * len(values))) :]


def _of_turn(head: str, turn: Turn | None) -> dict[str, float]:
    if turn is None:
        return {}
    found = {
        f"{head}/turns": float(turn.place is not None),
        f"{head}/correlation": turn.correlation,
        f"{head}/correlation_low": turn.low,
        f"{head}/correlation_high": turn.high,
    }
    return found if turn.place is None else found | {f"{head}/turn_x": turn.place}


def _summary(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["run"]: ", ".join(f"{k} {v}" for k, v in list(row.items())[1:]) for row in rows}


def _slug(name: str) -> str:
    """A name as a part of a metric's."""
    return re.sub(r"\W+", "_", name).strip("_")
