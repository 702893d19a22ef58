"""A launcher's turn at a search: trials are asked for when there is room, and stopped by the rules."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import Any

from lmlab.sweep import search_prune
from lmlab.sweep.dispatch import Dispatch
from lmlab.sweep.folder import Entry
from lmlab.sweep.result import points_of, read_result
from lmlab.sweep.search_plan import SearchPlan
from lmlab.sweep.search_propose import Trial, propose
from lmlab.sweep.search_space import point_of
from lmlab.sweep.task import Task
from lmlab.track.folder import Folder, read_json

TRIES = 30  # to find a point that was not tried yet
AT_ONCE = 4  # where the launcher leaves it to a queue


class Search(Dispatch):
    """Jobs come one by one: a trial is proposed from what all others have come to so far.

    What was chosen stands in sweep.json before it starts, and what came of it in the run's folder:
    a search that goes on reads both, and runs nothing again.
    """

    done = ("finished", "pruned")

    def __init__(self, plan: SearchPlan, folder: Any, launcher: Any, *, worker: str) -> None:
        super().__init__(plan, folder, launcher, worker=worker)
        self.search = plan
        self.rules: dict[str, Any] = plan.config["sweep"]
        self.sign = -1.0 if self.rules["maximize"] else 1.0
        self.exhausted = False
        self._curves: dict[str, tuple[int, list[float]]] = {}

    def look(self) -> None:
        """As a sweep; what was pruned stays so."""
        super().look()
        for entry in self.folder.entries:
            run, why = self.folder.run_folder(entry), self.folder.task(entry).state().get("pruned")
            if entry.state == "waiting" and why:
                entry.state = "pruned"
                if run is not None and read_json(run / "run.json").get("status") != "pruned":
                    mark_pruned(run, str(why))  # which a launcher that died has left undone
        self.folder.save()

    def trials(self) -> list[Trial]:
        """Every trial so far, lower is better."""
        return [self._trial(entry) for entry in self.folder.entries]

    def curve(self, entry: Entry) -> list[float]:
        """The metric at every validation of a job so far, lower is better."""
        run = self.folder.run_folder(entry)
        events = None if run is None else run / "track" / "events.jsonl"
        size = events.stat().st_size if events is not None and events.is_file() else 0
        known = self._curves.get(entry.hash, (-1, []))
        if run is not None and size != known[0]:
            values = [self.sign * value for value in points_of(run, self.rules["metric"])]
            self._curves[entry.hash] = known = (size, values)
        return known[1]

    # ---- pieces

    def _start(self) -> None:
        super()._start()
        room = AT_ONCE if self.launcher.at_once is None else self.launcher.at_once
        while len(self.running) < room and self._wants_more():
            self._ask()

    def _wants_more(self) -> bool:
        waits = any(entry.state == "waiting" for entry in self.folder.entries)
        number = len(self.folder.entries)
        stopping = self.stopping or bool(self.received) or self.exhausted
        return not (waits or stopping) and number < self.rules["trials"]

    def _ask(self) -> None:
        """A new trial, in sweep.json before it begins; none where every point has been tried.

        Where there is no room for it yet it waits, as the jobs of a grid do.
        """
        known, number = self.trials(), len(self.folder.entries) + 1
        for again in range(TRIES):
            seed = (int(self.search.config["seed"]) * 1_000_003 + number * 1009 + again) % 2**32
            point = propose(self.search.space, known, sampler=self.rules["sampler"], seed=seed)
            job = self.search.job(point)
            if job.hash not in self.entries:
                break
        else:
            print(f"no point of the search is left to try after {number - 1} trials", flush=True)
            self.exhausted = True
            return
        entry = Entry(number, job.name, job.overrides, job.hash)
        self.search.jobs.append(job)
        self.folder.entries.append(entry)
        self.planned[job.hash], self.entries[job.hash] = job, entry
        if self._has_room(job, entry):
            self._begin(job, entry)

    def _settle(self) -> None:
        super()._settle()
        for digest in list(self.running):
            entry = self.entries[digest]
            task = self.folder.task(entry)
            why = None if self.received else self._why_stop(entry)
            if why is not None and not task.state().get("pruned"):
                task.note(pruned=why)  # before the signal: a launcher that goes on knows it
                self.running[digest].signal(signal.SIGTERM)

    def _why_stop(self, entry: Entry) -> str | None:
        rule, curve = self.rules["prune"], self.curve(entry)
        if rule is None or not curve or len(curve) >= self._validations(entry):
            return None
        others = [other for other in self.folder.entries if other is not entry]
        if rule == "halving":
            return search_prune.stop_halving(curve, [self.curve(other) for other in others])
        finished = [self.curve(other) for other in others if other.state == "finished"]
        return search_prune.stop_median(curve, finished)

    def _validations(self, entry: Entry) -> float:
        """How many a whole run has: at the last one there is nothing left to stop."""
        return self.planned[entry.hash].composed.cfg.stage.get("num_validations") or math.inf

    def _how_it_ended(self, entry: Entry, task: Task) -> str:
        why = task.state().get("pruned")
        if why is None or entry.code not in (143, 137):
            return super()._how_it_ended(entry, task)
        run = self.folder.run_folder(entry)
        if run is not None:
            mark_pruned(run, str(why))
        return "pruned"

    def _trial(self, entry: Entry) -> Trial:
        point, curve = point_of(self.search.space, entry.overrides), self.curve(entry)
        if entry.state == "finished":
            return Trial(point, "finished", self._value(entry))
        if entry.state == "pruned":
            return Trial(point, "pruned", curve[-1] if curve else None)
        if entry.state in ("failed", "left out"):
            return Trial(point, "failed")
        return Trial(point, "running")

    def _value(self, entry: Entry) -> float | None:
        """The metric at the end of a job. Raises: ValueError where it has none of this name."""
        found = read_result(entry.name, entry.state, self.folder.run_folder(entry)).metrics
        if self.rules["metric"] not in found:
            have = ", ".join(sorted(name for name in found if name.startswith("val/")))
            raise ValueError(
                f"sweep.metric={self.rules['metric']}: job {entry.number} ended without it"
                + (f"; it has {have}" if have else "")
            )
        return self.sign * found[self.rules["metric"]]


def mark_pruned(run: Path, why: str) -> None:
    """Say so in the run's own record, and in MLflow: the tag `pruned`, with the reason."""
    place = Folder(run)
    place.record(status="pruned")
    if not place.events.is_file():
        return
    place.open()
    place.append("tags", tags={"pruned": why})
    place.append("status", status="KILLED")
    if "store" not in place.known():
        return
    from lmlab.track.sync import sync_all

    sync_all(run, say=lambda text: None)
