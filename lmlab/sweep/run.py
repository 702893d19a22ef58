"""A sweep from its overrides to its last table."""

from __future__ import annotations

from pathlib import Path

from hydra.utils import instantiate

from lmlab import launch
from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.origin import readable
from lmlab.sweep import expect, figure, gpus, ranking
from lmlab.sweep.dispatch import Dispatch, Launcher
from lmlab.sweep.folder import NEW, SweepFolder, opened, recorded
from lmlab.sweep.parent import Parent, go_on
from lmlab.sweep.plan import Plan, make_plan
from lmlab.sweep.report import make_report
from lmlab.sweep.search import Search
from lmlab.sweep.search_plan import SearchPlan
from lmlab.sweep.show import make_show, table

WHOLE = ("sweep.", "launcher", "run.root=", "debug=")


def run_sweep(composer: Composer, overrides: list[str], worker: str = "lmlab.worker") -> int:
    """Run all jobs that have not finished; 0 when all have, 130 or 143 when stopped, else 1.

    worker: the module that a job runs. Raises: ConfigError before anything is written.
    """
    plan = make_plan(composer, _with_recorded(overrides))
    if plan.config["sweep"]["retries"] < 0:
        raise ConfigError([f"sweep.retries={plan.config['sweep']['retries']}: must be 0 or more"])
    check_expectation(plan)
    if plan.config["sweep"]["dry"]:
        from lmlab.sweep.dry import dry_run

        return dry_run(plan.at_corners() if isinstance(plan, SearchPlan) else plan)
    launcher = instantiate(plan.config["launcher"], _convert_="all")
    _say_gpus(plan, launcher)
    with opened(plan) as folder:
        return _run(plan, folder, launcher, worker)


def _run(plan: Plan, folder: SweepFolder, launcher: object, worker: str) -> int:
    kind = Search if isinstance(plan, SearchPlan) else Dispatch
    dispatch = kind(plan, folder, launcher, worker=worker)  # type: ignore[arg-type]
    dispatch.look()
    _say_start(folder)
    parent = Parent(plan, folder)
    show = make_show(folder)
    code = 1
    try:
        code = dispatch.run(show, parent.run_id)
    finally:
        show.close()
        status = "interrupted" if code in launch.STOPPED else "failed" if code else "finished"
        report = make_report(plan, folder, finished=code == 0)
        parent.finish(status, report.note, report.tags, report.files, report.metrics)
    print(table(folder), flush=True)
    for line in report.lines:
        print(line, flush=True)
    if code:
        print(f"go on: {go_on(plan, folder)}", flush=True)
    return code


def _say_gpus(plan: Plan, launcher: Launcher) -> None:
    """Say where jobs will wait for GPUs. Raises: ConfigError for one that wants too many."""
    jobs = plan.at_corners().jobs if isinstance(plan, SearchPlan) else plan.jobs
    said = launcher.check(gpus.wanted(job.accelerator, job.devices) for job in jobs)
    if said:
        print(said, flush=True)


def _say_start(folder: SweepFolder) -> None:
    number = folder.num_jobs
    jobs = f"{number} {'trial' if folder.trials else 'job'}{'s' * (number > 1)}"
    done = sum(entry.state in ("finished", "pruned") for entry in folder.entries)
    known = "" if folder.is_new else f"; going on: {done} finished before"
    print(f"{jobs} -> {readable(folder.path)}{known}", flush=True)
    if done == number:
        print("all have finished; sweep.resume=new runs them again", flush=True)


def _with_recorded(overrides: list[str]) -> list[str]:
    """With nothing but sweep.resume=X, and what is of a sweep as a whole: the jobs of X."""
    given = [text.partition("=")[2] for text in overrides if text.startswith("sweep.resume=")]
    if not given or given[-1] in (NEW, "null") or not all(t.startswith(WHOLE) for t in overrides):
        return overrides
    roots = [text.partition("=")[2] for text in overrides if text.startswith("run.root=")]
    return [*recorded(given[-1], Path(roots[-1] if roots else "runs")), *overrides]


def check_expectation(plan: Plan) -> None:
    """The expectation of a carried sweep can be read, and names jobs that there are."""
    if plan.experiment is None:
        return
    expect.check(plan.at_corners() if isinstance(plan, SearchPlan) else plan)
    for name, check in (("figure", figure.check), ("ranking", ranking.check)):
        if plan.experiment.get(name):
            try:
                check(plan.experiment[name])
            except ValueError as error:
                raise ConfigError([str(error)]) from error
