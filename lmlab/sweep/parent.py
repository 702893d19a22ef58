"""The MLflow run that stands for a sweep, and that every job's run is a child of."""

from __future__ import annotations

import shlex

from lmlab.config.secrets import redact
from lmlab.sweep.folder import SweepFolder, name_of
from lmlab.sweep.plan import Plan


class Parent:
    """Opened when the sweep starts or goes on. With track=none there is none: run_id is None."""

    def __init__(self, plan: Plan, folder: SweepFolder) -> None:
        self.run_id: str | None = None
        self._folder = folder
        track = plan.config["track"]
        if "project" not in track:
            return
        from lmlab.track.parent import start_parent

        self._uri = track.get("uri")
        text = redact(" ".join(plan.overrides))
        self.run_id = start_parent(
            folder=folder.path,
            root=folder.root,
            uri=self._uri,
            project=track["project"],
            name=_name(plan),
            tags={"overrides": text, "sweep": folder.path.name, **_experiment(plan)},
            note=f"`{command(plan)}`",
        )

    def finish(
        self,
        status: str,
        note: str,
        tags: dict[str, str],
        files: tuple[str, ...] = (),
        metrics: dict[str, float] | None = None,
    ) -> None:
        """Close it, finished, failed or interrupted, with its page, tags, files and metrics."""
        if self.run_id is None:
            return
        from lmlab.track.parent import finish_parent

        finish_parent(
            folder=self._folder.path,
            root=self._folder.root,
            uri=self._uri,
            status=status,
            note=note,
            tags=tags,
            files=files,
            metrics=metrics,
        )


def _name(plan: Plan) -> str:
    if plan.config["run"]["name"] or plan.choices.get("experiment"):
        return name_of(plan)
    return f"sweep of {', '.join(plan.varied) or 'one job'}"


def _experiment(plan: Plan) -> dict[str, str]:
    option = plan.choices.get("experiment")
    return {"experiment": str(option)} if option else {}


def command(plan: Plan) -> str:
    """What starts the same jobs, where they are all new as well as where they go on."""
    words = [redact(text) for text in plan.overrides if not text.startswith("sweep.resume=")]
    return shlex.join(["lmlab", "-m", *words])


def go_on(plan: Plan, folder: SweepFolder) -> str:
    """The short command that makes this sweep go on."""
    root = [text for text in plan.overrides if text.startswith("run.root=")]
    return shlex.join(["lmlab", "-m", f"sweep.resume={folder.path.name}", *root])
