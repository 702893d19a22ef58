"""The sweep that an experiment carries: its lists, explicit jobs, baseline and stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from lmlab.config.error import ConfigError
from lmlab.config.suggest import nearest
from lmlab.sweep.grid import Axes, Row, rows, written
from lmlab.sweep.ranking import Published
from lmlab.sweep.search_space import Space, written_range

BASELINE = "(baseline)"  # stands in the row of the baseline, to name it
WORDS = ("grid", "jobs", "baseline", "fixed", "last")
PUBLISHED = "published"
NODES = ("sweep", "stages")


@dataclass(frozen=True, slots=True)
class Stage:
    """One job of a chain: its name, and what it overrides."""

    name: str
    overrides: list[str]


@dataclass(frozen=True, slots=True)
class Carried:
    """What an experiment says of its jobs; all empty for one that is a single run.

    axes: lists by key; jobs: explicit ones, each times the lists; fixed: of every job; baseline:
    of one more job outside the lists; stages: what every job is a chain of; last: of a job that
    begins when all others have finished, and finds them as @all; ranges: what a search chooses from.
    """

    axes: Axes = field(default_factory=dict)
    grid: str = "product"
    jobs: list[Row] = field(default_factory=list)
    fixed: Row = field(default_factory=dict)
    baseline: Row | None = None
    stages: list[Stage] = field(default_factory=list)
    last: Row | None = None
    ranges: Space = field(default_factory=dict)

    def rows(self, typed: Axes, grid: str | None = None) -> list[Row]:
        """The jobs: a list of `typed` replaces the one of its key, and multiplies them where it is new.

        grid: as typed; it holds for all lists together, in place of the experiment's own. Raises:
        ConfigError for a zip that has no two lists to pair, and as `grid.rows`.
        """
        own = {key: typed.get(key, values) for key, values in self.axes.items()}
        new = {key: values for key, values in typed.items() if key not in own}
        if grid == "zip" and sum(len(values) > 1 for values in (own | new).values()) < 2:
            raise ConfigError(["sweep.grid=zip: there are no two lists to pair here; leave it out"])
        more = rows(new, grid or "product")
        if grid == "zip":
            lists = rows(own | new, grid)
        else:
            lists = [{**row, **other} for row in rows(own, grid or self.grid) for other in more]
        found = [{**self.fixed, **job, **row} for job in self.jobs or [{}] for row in lists]
        if self.baseline is None:
            return found
        first: Row = {**self.fixed, **self.baseline, BASELINE: "baseline"}
        return [*({**first, **other} for other in more), *found]


def carries(experiment: Any) -> bool:
    """Whether an experiment is more than one run."""
    return isinstance(experiment, Mapping) and any(experiment.get(name) for name in NODES)


def read(experiment: Any) -> Carried:
    """The jobs that an experiment names. Raises: ConfigError saying which key is wrong and how."""
    if experiment is None or not carries(experiment):
        return Carried()
    plain = OmegaConf.to_container(experiment, resolve=False)
    assert isinstance(plain, dict)
    sweep, stages = plain.get("sweep") or {}, plain.get("stages") or []
    if not isinstance(sweep, dict):
        raise ConfigError(["experiment.sweep must be a mapping of settings to lists of values"])
    grid = sweep.get("grid", "product")
    if grid not in ("product", "zip"):
        raise ConfigError([f"experiment.sweep.grid={grid}: must be product or zip"])
    lists = {k: v for k, v in sweep.items() if k not in WORDS and not _is_range(k, v)}
    baseline, last = sweep.get("baseline"), sweep.get("last")
    return Carried(
        axes={str(k): _list(str(k), v) for k, v in lists.items()},
        grid=str(grid),
        jobs=[_row("jobs", job) for job in sweep.get("jobs") or []],
        fixed=_row("fixed", sweep.get("fixed") or {}),
        baseline=None if baseline is None else _row("baseline", baseline),
        stages=[_stage(stage) for stage in stages],
        last=None if last is None else _row("last", last),
        ranges={str(k): written_range(str(k), v) for k, v in sweep.items() if _is_range(k, v)},
    )


def parts(row: Row, stage: str | None) -> tuple[Row, Row, Published | None]:
    """A row's overrides of every stage, those of `stage` alone, and what the source says of it.

    In a row `probe@data.packing` is an override of the stage `probe`, and `published` a number, or
    {row: the source's name for it, score: a number}. Raises: ConfigError for another form of it.
    """
    plain = {key: text for key, text in row.items() if "@" not in key and key != PUBLISHED}
    own = {
        key.partition("@")[2]: text.partition("@")[2]
        for key, text in row.items()
        if "@" in key and key.partition("@")[0] == stage
    }
    return plain, own, _published(row[PUBLISHED]) if PUBLISHED in row else None


def _published(text: str) -> Published:
    value = OverridesParser.create().parse_override(text).value()
    told = value if isinstance(value, dict) else {"score": value}
    score, name = told.get("score"), told.get("row")
    if not isinstance(score, int | float) or not {*told} <= {"score", "row"}:
        raise ConfigError(
            [f"experiment.sweep: {text}: must be a number, or {{row: a name, score: a number}}"]
        )
    return Published(float(score), None if name is None else str(name))


def _is_range(key: Any, value: Any) -> bool:
    return key not in WORDS and isinstance(value, dict)


def _list(key: str, values: Any) -> list[str]:
    if not isinstance(values, list) or not values:
        near = nearest(key, WORDS)
        hint = f"; did you mean experiment.sweep.{near}?" if near else ""
        raise ConfigError([f"experiment.sweep.{key}={values}: must be a list of values{hint}"])
    return [written(key, value) for value in values]


def _row(name: str, settings: Any) -> Row:
    if not isinstance(settings, dict):
        raise ConfigError([f"experiment.sweep.{name}: must be a mapping of settings to values"])
    return {str(key): written(str(key), value) for key, value in settings.items()}


def _stage(stage: Any) -> Stage:
    known = ("name", "overrides")
    if not isinstance(stage, dict) or not isinstance(stage.get("name"), str):
        raise ConfigError(["experiment.stages: each needs a name, and a list `overrides`"])
    for key in stage:
        if key not in known:
            near = nearest(str(key), known) or known[1]
            raise ConfigError([f"experiment.stages.{key}: did you mean {near}?"])
    overrides = stage.get("overrides") or []
    if not all(isinstance(text, str) for text in overrides):
        raise ConfigError(
            [f"experiment.stages {stage['name']}: overrides must be texts such as stage=sft"]
        )
    return Stage(stage["name"], list(overrides))
