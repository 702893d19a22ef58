"""The jobs of a sweep ranked by a metric, beside the figures that a paper gives for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmlab.config.suggest import check_keys
from lmlab.sweep.figure import COLOURS, words
from lmlab.sweep.result import Result
from lmlab.sweep.statistics import rank_correlation, ranked

KEYS = ("stage", "metric", "better")
BETTER = ("lower", "higher")


@dataclass(frozen=True, slots=True)
class Published:
    """What the source says of a job: its score, of which more is better, and its row's name."""

    score: float
    row: str | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A job's place here and in the source, 1 the best; equal values share the mean of theirs."""

    row: str
    measured: float
    rank: float
    score: float
    published_rank: float


def check(asked: Mapping[str, Any]) -> None:
    """Raises: ValueError for a key or value that there is not, naming the nearest."""
    check_keys("experiment.ranking", asked, KEYS)
    if not isinstance(asked.get("metric"), str):
        raise ValueError("experiment.ranking.metric: needs a metric, such as val/loss_nats")
    if asked.get("better") not in BETTER:
        said = f"={asked['better']}" if "better" in asked else ""
        raise ValueError(f"experiment.ranking.better{said}: must be lower or higher")


def rank(
    asked: Mapping[str, Any],
    results: Sequence[Result],
    stages: Sequence[str | None],
    published: Sequence[Published | None],
) -> list[Ranked]:
    """The jobs of the stage asked for that have both figures, in the source's order.

    results, stages, published: one a job.
    """
    metric, sign = asked["metric"], -1.0 if asked["better"] == "higher" else 1.0
    found = [
        (said.row or result.name, result.metrics[metric], said.score)
        for result, stage, said in zip(results, stages, published, strict=True)
        if said is not None and asked.get("stage") in (None, stage) and metric in result.metrics
    ]
    here = ranked([sign * measured for _, measured, _ in found])
    there = ranked([-score for _, _, score in found])
    rows = [
        Ranked(name, measured, own, score, other)
        for (name, measured, score), own, other in zip(found, here, there, strict=True)
    ]
    return sorted(rows, key=lambda row: row.published_rank)


def correlation(rows: Sequence[Ranked]) -> float | None:
    """Spearman's of the two rankings; None for fewer than two rows, and where all are equal."""
    try:
        return rank_correlation([r.rank for r in rows], [r.published_rank for r in rows])
    except ValueError:
        return None


def table(rows: Sequence[Ranked], metric: str) -> list[dict[str, Any]]:
    """A row a job, for a page and for a file."""
    return [
        {
            "row": row.row,
            metric: row.measured,
            "rank": row.rank,
            "published": row.score,
            "published rank": row.published_rank,
        }
        for row in rows
    ]


def lines(rows: Sequence[Ranked], metric: str) -> list[str]:
    """The table for a terminal, and the rank correlation below it."""
    width = max(len(row.row) for row in rows)
    head = f"{'':{width}}  {metric:>14}  rank  published  rank"
    body = [
        f"{r.row:{width}}  {r.measured:14.4g}  {r.rank:4g}  {r.score:9g}  {r.published_rank:4g}"
        for r in rows
    ]
    return [head, *body, *summary(rows)]


def summary(rows: Sequence[Ranked]) -> list[str]:
    """The rank correlation in words, where there is one."""
    found = correlation(rows)
    if found is None:
        return []
    return [f"rank correlation with the published figures: {found:.2f} over {len(rows)} rows"]


def draw(rows: Sequence[Ranked], metric: str, path: Path) -> None:
    """Both rankings as two columns, the best at the top, with a line for every row."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.6, 0.9 + 0.34 * len(rows)), layout="constrained")
    for index, row in enumerate(rows):
        colour = COLOURS[index % len(COLOURS)]
        axes.plot([0, 1], [row.published_rank, row.rank], "o-", color=colour, linewidth=1.6)
        left, right = f"{row.row}   {row.score:#.4g}", f"{row.measured:#.4g}   {row.row}"
        axes.text(-0.04, row.published_rank, left, ha="right", va="center", fontsize=9)
        axes.text(1.04, row.rank, right, ha="left", va="center", fontsize=9)
    axes.text(-0.04, 0.2, "published", ha="right", va="center", fontweight="bold")
    axes.text(1.04, 0.2, words(metric), ha="left", va="center", fontweight="bold")
    axes.set_xlim(-1.7, 2.7)
    axes.set_ylim(len(rows) + 1.1, -0.1)
    axes.set_axis_off()
    found = correlation(rows)
    said = "" if found is None else f"rank correlation {found:.2f}"
    axes.text(0.5, len(rows) + 0.8, said, ha="center", va="center", fontsize=9)
    figure.savefig(path, dpi=160)
    pyplot.close(figure)
