"""The jobs of a sweep, all composed and checked before the first one starts."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from lmlab.check import check_composed
from lmlab.config import resolve
from lmlab.config.compose import Composed, Composer
from lmlab.config.error import ConfigError
from lmlab.config.needs import needs_model
from lmlab.config.secrets import redact
from lmlab.config.suggest import nearest
from lmlab.job import hash_of
from lmlab.sweep import carried
from lmlab.sweep.carried import Carried, Stage
from lmlab.sweep.grid import Axes, Row, axes_of, rows, varied
from lmlab.sweep.ranking import Published
from lmlab.sweep.search_space import Space, split

OF_A_SEARCH = ("sweep.metric=", "sweep.maximize=", "sweep.sampler=", "sweep.prune=")
WHOLE = ("sweep", "launcher")  # of the sweep as a whole, never of a job
_REFERENCE = re.compile(r"(?<![\w@])@([A-Za-z_]\w*)")


@dataclass(slots=True)
class Planned:
    """One job: its overrides, its checked configuration, and the jobs whose folders it needs.

    name: the swept values; hash: of everything that decides the outcome; needs: hash by the name
    that stands for that job's folder, as in init_from=@pretrain.
    """

    overrides: list[str]
    name: str
    composed: Composed
    hash: str
    stage: str | None = None
    needs: dict[str, str] = field(default_factory=dict)
    published: Published | None = None

    @property
    def label(self) -> str:
        """The overrides as one line without secrets."""
        return redact(" ".join(self.overrides))

    @property
    def devices(self) -> int:
        """Processes of the job."""
        return int(self.composed.cfg.hardware.get("devices", 1))

    @property
    def accelerator(self) -> str:
        """hardware.accelerator; cpu for a job without a model."""
        asked = str(self.composed.cfg.hardware.get("accelerator", "auto"))
        return asked if needs_model({"stage": resolve.plain(self.composed.cfg.stage)}) else "cpu"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole sweep.

    overrides: as typed; config: of the sweep as a whole, resolved; choices: its options; hash: of
    all jobs together.
    """

    overrides: list[str]
    config: dict[str, Any]
    choices: dict[str, Any]
    jobs: list[Planned]
    varied: list[str]

    @property
    def hash(self) -> str:
        """The same for the same jobs in any order."""
        text = json.dumps(sorted(job.hash for job in self.jobs))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def experiment(self) -> dict[str, Any] | None:
        """The record of an experiment that carries its jobs."""
        found = self.config.get("experiment")
        return found if carried.carries(found) else None

    def recall(self, record: dict[str, Any]) -> None:
        """Told what the sweep's folder knows already; only a search has jobs that come of it."""


def make_plan(composer: Composer, overrides: list[str]) -> Plan:
    """Every job, composed and checked. Raises: ConfigError with the mistakes of all jobs."""
    master = composer.compose(overrides, RunMode.MULTIRUN)
    _only_lmlab_runs_jobs(master)
    told = carried.read(master.cfg.get("experiment"))
    space, listed = split(composer.parse(_typed(master)))
    axes = axes_of(listed)
    whole = _take_whole(axes)
    if master.cfg.sweep.get("trials") is not None:
        from lmlab.sweep.search_plan import search_plan

        own = [*_hydra_words(overrides), *whole]
        return search_plan(composer, master, overrides, own, told, space, axes)
    _only_of_a_search({**told.ranges, **space}, whole)
    all_rows = _rows(told, axes, master.cfg.sweep.get("grid"))
    keys = varied(all_rows)
    make = Maker(composer, [*_hydra_words(overrides), *whole], keys, set(axes))
    jobs = _compose_all(make, all_rows, told)
    if told.last is not None:
        from lmlab.sweep.last import last_job

        jobs.append(last_job(composer, make.own, told.last, axes, jobs))
    config = resolve.plain(master.cfg)
    return Plan(overrides, config, master.choices, jobs, keys)


def _hydra_words(overrides: list[str]) -> list[str]:
    """Overrides of Hydra itself, which every job is composed with, less the mode."""
    own = [text for text in overrides if text.lstrip("+~").startswith("hydra")]
    return [text for text in own if not text.lstrip("+").startswith("hydra.mode")]


def _only_of_a_search(space: Space, whole: list[str]) -> None:
    """Raises: ConfigError for ranges, and settings of a search, where sweep.trials is not set."""
    for key in space:
        raise ConfigError([f"{key}: a range has no list of jobs; sweep.trials=20 searches it"])
    for text in whole:
        if text.lstrip("+").startswith(OF_A_SEARCH):
            raise ConfigError([f"{text}: has no effect without a search; set sweep.trials=20 too"])


def alone(cfg: DictConfig) -> None:
    """Take away, in place, what only a sweep as a whole has; a job's record has none of it."""
    with open_dict(cfg):
        for name in WHOLE:
            cfg.pop(name, None)


def _only_lmlab_runs_jobs(master: Composed) -> None:
    for name, only in (("sweeper", "BasicSweeper"), ("launcher", "BasicLauncher")):
        if not str(master.hydra[name]._target_).endswith("." + only):
            raise ConfigError(
                [f"hydra/{name}: lmlab runs the jobs of a sweep itself; leave it out"]
            )


def _typed(master: Composed) -> list[str]:
    """hydra.sweeper.params, then the overrides of the command line."""
    params = [f"{key}={value}" for key, value in (master.hydra.sweeper.params or {}).items()]
    return [*params, *master.overrides]


def _take_whole(axes: Axes) -> list[str]:
    """Overrides of the sweep as a whole, taken out of `axes`: they name no job."""
    found: list[str] = []
    for key in [key for key in axes if key.split(".")[0] in WHOLE]:
        if len(axes[key]) > 1:
            raise ConfigError([f"{key}: is of the sweep as a whole and takes one value"])
        found += axes.pop(key)
    return found


def _rows(told: Carried, axes: Axes, grid: str | None) -> list[Row]:
    """The jobs of the experiment and of the command line, whose single values hold for every job."""
    if not (told.axes or told.jobs or told.fixed or told.baseline is not None):
        return rows(axes, grid or "product")
    typed = {key: values[0] for key, values in axes.items() if len(values) == 1}
    found = [{**row, **typed} for row in told.rows(axes, grid)]
    return list({tuple(sorted(row.items())): row for row in found}.values())


@dataclass(frozen=True, slots=True)
class Maker:
    """own: what every job is composed with; varied: keys that name a job; typed: keys typed."""

    composer: Composer
    own: list[str]
    varied: list[str]
    typed: set[str]


def _compose_all(make: Maker, all_rows: list[Row], told: Carried) -> list[Planned]:
    """Every job of every row; the mistakes of all are told together, each once."""
    jobs: dict[str, Planned] = {}
    wrong: dict[str, None] = {}
    bad = 0
    chain: list[Stage | None] = [*told.stages] or [None]
    for row in all_rows:
        known: dict[str, str] = {}
        for stage in chain:
            try:
                job = compose_row(make, row, stage, known)
            except ConfigError as error:
                wrong |= dict.fromkeys(error.lines)
                bad += 1
                break
            if job.hash in jobs and stage is None:
                raise ConfigError([_twice(jobs[job.hash], job)])
            jobs.setdefault(job.hash, job)
            if stage is not None:
                known[stage.name] = job.hash
    if wrong:
        number = len(all_rows) * len(chain)
        raise ConfigError([*wrong, f"({bad} of {number} jobs; none was started)"])
    return list(jobs.values())


def _twice(first: Planned, second: Planned) -> str:
    return (
        f"{first.label} and {second.label} are the same job: they differ in nothing that decides "
        "the outcome (run.*, track.* and debug do not)"
    )


def compose_row(make: Maker, row: Row, stage: Stage | None, known: dict[str, str]) -> Planned:
    row, own, published = carried.parts(row, stage.name if stage else None)
    name = " ".join(row[key] for key in make.varied if key in row)
    if stage is not None:
        name = f"{name} {stage.name}".strip()
        row = {**row, **_stage_row(make, stage), **own}
    needs = _references(row, stage, known)
    overrides = [text for key, text in row.items() if key != carried.BASELINE]
    composed = make.composer.compose([*make.own, *overrides])
    check_composed(composed, make.composer.places)
    _on_one_machine(composed.cfg)
    prepare(composed.cfg, "run.name" in make.varied)
    digest = _digest(composed.cfg, needs)
    return Planned(
        overrides, name, composed, digest, stage.name if stage else None, needs, published
    )


def _on_one_machine(cfg: DictConfig) -> None:
    """Raises: ConfigError for a job of several machines, which no launcher starts."""
    nodes = cfg.hardware.get("nodes", 1)
    if nodes > 1:
        raise ConfigError(
            [
                f"hardware.nodes={nodes}: the jobs of a sweep run on one machine each; start lmlab on "
                "every node without a sweep, with torchrun or srun"
            ]
        )


def _stage_row(make: Maker, stage: Stage) -> Row:
    """What a stage overrides, but for what was typed: that is for every job."""
    axes = axes_of(make.composer.parse(stage.overrides))
    for key, values in axes.items():
        if len(values) > 1:
            raise ConfigError([f"experiment.stages {stage.name}: {key} takes one value"])
    return {key: values[0] for key, values in axes.items() if key not in make.typed}


def prepare(cfg: DictConfig, keep_name: bool) -> None:
    """Make a composed configuration that of a job: children are named by what is swept."""
    alone(cfg)
    if carried.carries(cfg.get("experiment")):
        with open_dict(cfg):
            del cfg["experiment"]
    if not keep_name:
        cfg.run.name = None


def _references(row: Row, stage: Stage | None, known: dict[str, str]) -> dict[str, str]:
    """The names after @ in values, with the hash of the job that each stands for."""
    found: dict[str, str] = {}
    for text in row.values() if stage is not None else ():
        for name in _REFERENCE.findall(text.partition("=")[2]):
            if name not in known:
                near = nearest(name, known)
                hint = f"; did you mean @{near}?" if near else ""
                raise ConfigError([f"{text}: @{name} is no earlier job of experiment.stages{hint}"])
            found[name] = known[name]
    return found


def refer(text: str, places: dict[str, str]) -> str:
    """`text` with every @name in the value of an override replaced by what it stands for."""
    key, sign, value = text.partition("=")
    return key + sign + _REFERENCE.sub(lambda m: places.get(m.group(1), m.group()), value)


def _digest(cfg: DictConfig, needs: dict[str, str]) -> str:
    if not needs:
        return hash_of(resolve.plain(cfg))
    text = json.dumps(resolve.plain(cfg))
    text = _REFERENCE.sub(lambda m: "@" + needs.get(m.group(1), m.group(1)), text)
    return hash_of(json.loads(text))
