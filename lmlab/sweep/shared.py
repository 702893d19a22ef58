"""Links that two chains have in common: what another sweep has finished is not run again."""

from __future__ import annotations

from typing import Any

from lmlab.sweep.folder import NEW, SweepFolder
from lmlab.sweep.plan import Plan
from lmlab.track.folder import read_json


def take_over(plan: Plan, folder: SweepFolder) -> list[str]:
    """Give jobs that others of a chain start from the folder of the same job in another sweep.

    Only jobs that have not begun, and that differ in nothing that decides the outcome; none with
    sweep.resume=new. Returns their names.
    """
    if plan.config["sweep"]["resume"] == NEW:
        return []
    waiting = {e.hash: e for e in folder.entries if e.folder is None and e.hash in needed(plan)}
    taken = []
    for digest, place in finished(folder, set(waiting)).items():
        waiting[digest].folder = place
        taken.append(waiting[digest].name)
    return taken


def needed(plan: Plan) -> set[str]:
    """The jobs whose folder a later link of a chain reads."""
    return {digest for job in plan.jobs if job.stage != "last" for digest in job.needs.values()}


def finished(folder: SweepFolder, wanted: set[str]) -> dict[str, str]:
    """By hash, the run's folder of every wanted job that another sweep of this root has finished."""
    found: dict[str, str] = {}
    for file in sorted(folder.root.glob("sweeps/*/sweep.json")) if wanted else []:
        if file.parent.resolve() == folder.path.resolve():
            continue
        for job in read_json(file).get("jobs", []):
            if job.get("hash") in wanted and job.get("folder") and _is_done(folder, job):
                found[job["hash"]] = job["folder"]
    return found


def _is_done(folder: SweepFolder, job: dict[str, Any]) -> bool:
    """By the sweep's word and the run's own, which is there only with tracking."""
    run = read_json(folder.root / job["folder"] / "run.json")
    return job.get("state") == run.get("status") == "finished"
