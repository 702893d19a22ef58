"""A sweep whose jobs are chosen one after the other, from what the earlier ones came to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from lmlab.config import resolve
from lmlab.config.compose import Composed, Composer
from lmlab.config.error import ConfigError
from lmlab.job import hash_of
from lmlab.sweep.carried import Carried
from lmlab.sweep.grid import Axes, Row
from lmlab.sweep.plan import Maker, Plan, Planned, compose_row
from lmlab.sweep.search_propose import require_optuna
from lmlab.sweep.search_space import Choice, Point, Space, corners, point_of, row_of


@dataclass(frozen=True, slots=True)
class SearchPlan(Plan):
    """A plan whose `jobs` are those that are known so far.

    space: what is chosen, by key; fixed: overrides of every job; base: the hash of a job at a
    corner of the space, which stands for all that is not chosen.
    """

    space: Space
    fixed: Row
    make: Maker
    base: str

    @property
    def hash(self) -> str:
        """The same for the same space and settings; how many trials there shall be does not count."""
        rules = {
            key: self.config["sweep"][key] for key in ("metric", "maximize", "sampler", "prune")
        }
        axes = {key: repr(axis) for key, axis in sorted(self.space.items())}
        text = json.dumps([self.base, axes, rules], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def job(self, point: Point) -> Planned:
        """The job of a point, composed and checked."""
        job = compose_row(self.make, {**self.fixed, **row_of(point)}, None, {})
        leaves = [key.rpartition(".")[2] for key in point]
        short = len(set(leaves)) == len(leaves)
        words = zip(leaves if short else point, point.values(), strict=True)
        job.name = " ".join(f"{key}={value}" for key, value in words)
        return job

    def recall(self, record: dict[str, Any]) -> None:
        """Compose the jobs that were chosen before. Raises: ConfigError for another search."""
        if record and record.get("hash") != self.hash:
            raise ConfigError(
                [
                    f"sweep.resume={self.config['sweep']['resume']}: it is another search (other "
                    "ranges, settings or rules); leave out sweep.resume to start this one"
                ]
            )
        known = record.get("jobs", [])
        self.jobs[:] = [self.job(point_of(self.space, job["overrides"])) for job in known]

    def at_corners(self) -> SearchPlan:
        """With a job at every end of a range and every choice, to look at before it starts."""
        return replace(self, jobs=[self.job(point) for point in corners(self.space)])


def search_plan(
    composer: Composer,
    master: Composed,
    overrides: list[str],
    own: list[str],
    told: Carried,
    typed: Space,
    axes: Axes,
) -> SearchPlan:
    """The space of an experiment and of the command line, which replaces its keys.

    axes: lists and single values as typed. Raises: ConfigError where nothing is left to choose, for
    what a search cannot have, and for the mistakes of jobs at its corners; ValueError without Optuna.
    """
    _refuse(told, master.cfg)
    require_optuna()
    fixed = {**told.fixed, **{key: values[0] for key, values in axes.items() if len(values) == 1}}
    lists = {**told.axes, **{key: values for key, values in axes.items() if len(values) > 1}}
    choices = {k: Choice(tuple(t.partition("=")[2] for t in texts)) for k, texts in lists.items()}
    space: Space = {**told.ranges, **choices, **typed}
    space = {key: axis for key, axis in space.items() if key not in fixed or key in told.fixed}
    fixed = {key: text for key, text in fixed.items() if key not in space}
    if not space:
        raise ConfigError(
            [
                "sweep.trials: there is nothing to search; give a range such as "
                "'optim.learning_rate=tag(log,interval(1e-4,1e-1))' or a list such as arch.width=64,128"
            ]
        )
    config = resolve.plain(master.cfg)
    make = Maker(composer, own, list(space), set(axes))
    plan = SearchPlan(overrides, config, master.choices, [], list(space), space, fixed, make, "")
    jobs = _checked(plan)
    _check_pruning(plan, jobs[0])
    return replace(plan, base=hash_of(resolve.plain(jobs[0].composed.cfg)))


def _refuse(told: Carried, cfg: Any) -> None:
    given = {
        "jobs": told.jobs,
        "baseline": told.baseline,
        "last": told.last,
        "stages": told.stages,
    }
    for name, value in given.items():
        if value:
            raise ConfigError([f"experiment.{name}: a search (sweep.trials) cannot have it"])
    if cfg.sweep.get("grid") == "zip" or told.grid == "zip":
        raise ConfigError(["sweep.grid=zip: a search (sweep.trials) has no grid; leave it out"])


def _checked(plan: SearchPlan) -> list[Planned]:
    """A job at every corner; the mistakes of all are told together."""
    jobs: list[Planned] = []
    wrong: dict[str, None] = {}
    for point in corners(plan.space):
        try:
            jobs.append(plan.job(point))
        except ConfigError as error:
            wrong |= dict.fromkeys(error.lines)
    if wrong:
        raise ConfigError([*wrong, "(at the ends of the search; nothing was started)"])
    return jobs


def _check_pruning(plan: SearchPlan, job: Planned) -> None:
    rule = plan.config["sweep"]["prune"]
    if rule is None:
        return
    if plan.choices.get("track") == "none":
        raise ConfigError([f"sweep.prune={rule}: track=none keeps no validations to judge by"])
    number = job.composed.cfg.stage.get("num_validations")
    if number is not None and number < 2:
        raise ConfigError(
            [f"sweep.prune={rule}: needs stage.num_validations of 2 or more; it is {number}"]
        )
