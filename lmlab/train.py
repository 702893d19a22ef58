"""A job from its objects to its verdict: fit, go back after a spike, validate, report."""

from __future__ import annotations

import ctypes
import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import lightning as L
from rich.console import Console

from lmlab import record
from lmlab.build import Run, build, instantiate, rank_of_process
from lmlab.clock import NEVER, BudgetClock
from lmlab.data.tokenizer.inherit import keep
from lmlab.io.checkpoint import find_good
from lmlab.io.checkpoint_io import FolderCheckpointIO
from lmlab.io.checkpointing import Checkpointing
from lmlab.job import Job
from lmlab.metric.throughput import peak_flops
from lmlab.perform import perform
from lmlab.screen import Screen, count, show_end, summary
from lmlab.stage.guard import Guard, Rewind
from lmlab.track.folder import write_json
from lmlab.verdict import verdict


class ReturnMemory(L.Callback):
    """Gives memory back to the system once, after the first step.

    The optimizer's state is born then, between the freed activations; the holes that are left are
    too small for the next activations, and stay resident for nothing (0.3 GB for GPT-2 small).
    """

    def __init__(self) -> None:
        self.done = False

    def on_train_batch_end(
        self, trainer: L.Trainer, stage: Any, outputs: Any, batch: Any, index: int
    ) -> None:
        if not self.done and sys.platform == "linux":
            trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
            if trim is not None:
                trim(0)
        self.done = True


class LeaveOut(L.Callback):
    """After going back: the next `number` batches of the restored position are left out."""

    def __init__(self, number: int) -> None:
        self.number = number

    def on_fit_start(self, trainer: L.Trainer, stage: Any) -> None:
        trainer.datamodule.leave_out(self.number)  # type: ignore[attr-defined]


class Training:
    """One process's part of a job."""

    def __init__(self, job: Job, *, resume: bool = False) -> None:
        self.job, self.resume = job, resume
        self.config, self.folder = job.config, job.folder
        self.is_main = rank_of_process() == 0
        self.console = Console(quiet=not self.is_main, highlight=False)
        self.started = time.time()
        self.checkpoints = self.folder / "checkpoints"
        self.tracker: Any = None
        self.extra_callbacks: list[L.Callback] = []

    def run(self) -> int:
        """Train to the end of the budget, or to a signal; the exit code."""
        quiet_lightning()
        checkpoint = self._checkpoint() if self.resume else None
        run = build(self.config, self.folder, restored=checkpoint is not None)
        self.peak, how = device_peak(run)  # before the tracker's thread takes its share
        if self.is_main:
            keep(run.tokenizer, self.folder)
            self.tracker = self._tracker(run)
            self.console.print(
                summary(run, _short(self.folder), f"{count(self.peak, 'FLOP/s')} ({how})")
            )
        status = "failed"
        try:
            if not getattr(run.stage, "trains", True):
                perform(run, self.folder, self.tracker)
                self._conclude(run)
                status = "finished"
                return 0
            code, trainer, run = self._fit_with_rewinds(run, checkpoint)
            status = "interrupted" if code else "finished"
            if not code:
                self._validate(trainer, run)
                self._conclude(run)
            else:
                self._say_interrupted(run, trainer)
            return code
        finally:
            if self.tracker is not None:
                self.tracker.finalize(status)

    # ---- pieces

    def _checkpoint(self) -> Path | None:
        """The newest good checkpoint; None for a run that was stopped before its first one."""
        return find_good(self.folder) if any(self.checkpoints.glob("step-*")) else None

    def _fit_with_rewinds(self, run: Run, checkpoint: Path | None) -> tuple[int, L.Trainer, Run]:
        rewinds, extra = 0, list[L.Callback]()
        while True:
            run.stage.peak_flops = self.peak
            trainer, checkpointing = self._trainer(run, extra)
            try:
                trainer.fit(run.stage, datamodule=run.data, ckpt_path=checkpoint, weights_only=True)
                return checkpointing.stop.exit_code or 0, trainer, run
            except Rewind as spike:
                rewinds += 1
                if rewinds > Guard.MAX_REWINDS:
                    raise ValueError(
                        f"{rewinds} loss spikes after going back {Guard.MAX_REWINDS} times; the last at "
                        f"step {spike.step}. Try a lower optim.learning_rate or guard.spike=skip"
                    ) from None
                guard = self.config["guard"]
                checkpoint = self._checkpoint_before(spike.step - guard["rewind_steps"])
                extra = [LeaveOut(guard["rewind_skip_batches"])]
                where = checkpoint.name if checkpoint else "the start"
                self.console.print(f"loss spike at step {spike.step}: going back to {where}")
                run = build(self.config, self.folder, restored=checkpoint is not None)

    def _checkpoint_before(self, step: int) -> Path | None:
        """The newest good checkpoint at or before `step`; later ones are removed."""
        return find_good(self.folder, at_most_step=step, remove_later=self.is_main)

    def _trainer(self, run: Run, extra: list[L.Callback]) -> tuple[L.Trainer, Checkpointing]:
        plan, config = run.plan, self.config["checkpoint"]
        checkpointing = Checkpointing(
            folder=self.checkpoints,
            every_steps=config["every_steps"],
            keep=config["keep"],
            config_text=self.job.text,
            data_ranks=run.hardware.data_ranks,
        )
        self.screen = Screen(run, self.folder / "log.txt")
        every = None
        if run.stage.num_validations:  # by the clock where a budget has minutes
            steps = plan.num_steps or NEVER
            every = NEVER if plan.minutes else max(1, -(-steps // run.stage.num_validations))
        trainer = run.hardware.trainer(
            max_epochs=-1,
            max_steps=plan.num_steps or -1,
            val_check_interval=every,
            check_val_every_n_epoch=None,
            limit_val_batches=1.0 if every else 0,
            num_sanity_val_steps=0,
            log_every_n_steps=run.stage.log_every_steps,
            logger=self.tracker or False,
            plugins=[FolderCheckpointIO()],
            callbacks=[
                self.screen,
                BudgetClock(run.stage.num_validations),
                ReturnMemory(),
                *self.extra_callbacks,
                *extra,
                checkpointing,
            ],
            default_root_dir=str(self.folder),
        )
        return trainer, checkpointing

    def _tracker(self, run: Run) -> Any:
        job = self.job
        return instantiate(self.config["track"])(
            run_dir=self.folder,
            root=Path(self.config["run"]["root"]).resolve(),
            name=job.name,
            tags=record.tags(job, run),
            params=record.parameters(job),
            config_text=job.text,
            run_id=self._known_run_id(),
            parent_run_id=job.parent_run_id,
            note=None,
        )

    def _known_run_id(self) -> str | None:
        if not self.resume:
            return None
        from lmlab.track.folder import run_id_of

        return run_id_of(self.folder)

    def _validate(self, trainer: L.Trainer, run: Run) -> None:
        """The final validation, unless the last one was at this very step."""
        if run.stage.num_validations == 0:
            return
        if getattr(run.stage, "validated_at", None) != trainer.global_step:
            trainer.limit_val_batches = 1.0
            trainer.validate(run.stage, datamodule=run.data, verbose=False, weights_only=True)

    def _conclude(self, run: Run) -> None:
        if not self.is_main:
            return
        stage = run.stage
        metrics = stage.latest | getattr(stage, "val_metrics", {})
        floor = getattr(run.data, "entropy_rate_nats", None)
        of_all_text = getattr(getattr(stage, "objective", None), "of_all_text", False)
        if floor is not None and of_all_text and "val/loss_nats" in metrics:
            metrics |= {"data/entropy_rate_nats": floor}
            metrics |= {"val/above_entropy_nats": metrics["val/loss_nats"] - floor}
        write_json(self.folder / "metrics.json", record.sizes(run) | metrics)
        trains, last = getattr(stage, "trains", True), self.checkpoints / "last"
        rows = {"folder": str(_short(self.folder))}
        if trains:
            rows = {"checkpoint": str(_short(self.checkpoints / last.read_text().strip()))}
        rows |= self._judge(metrics) | {"compare": "lmlab ui"}
        if trains:
            limits = [key for key, value in self.config["budget"].items() if value is not None]
            key = limits[0] if limits else "tokens"
            rows["go on"] = f"lmlab resume {_short(self.folder)} budget.{key}=N"
        if self.tracker is not None:
            if stage.samples:
                self.tracker.log_table(stage.samples, "samples.json")
            for name, table in getattr(stage, "tables", {}).items():
                self.tracker.log_table(table, f"{name}.json")
            self.tracker.log_metrics(
                metrics, step=stage.trainer.global_step if trains else stage.step
            )
            self.tracker.set_note(record.note(run, metrics, rows))
        show_end(
            self.console,
            title="finished",
            metrics=metrics,
            samples=stage.samples[: getattr(stage, "shows", 1)],
            rows=rows,
            started=self.started,
        )

    def _judge(self, metrics: dict[str, float]) -> dict[str, str]:
        asked = self.config.get("experiment")
        if not asked:
            return {}
        result, used = verdict(
            asked["expect"], metrics, finished=True, blocked_by=asked.get("believed_blocked_by")
        )
        figures = ", ".join(f"{name} = {value:.4g}" for name, value in used.items())
        if self.tracker is not None:
            self.tracker.set_tags({"verdict": result, "verdict.rests_on": figures})
        return {
            "question": asked["question"],
            "verdict": f"{result}: {asked['expect']} ({figures})",
        }

    def _say_interrupted(self, run: Run, trainer: L.Trainer) -> None:
        rows = {
            "saved": f"step {trainer.global_step}",
            "go on": f"lmlab resume {_short(self.folder)}",
        }
        show_end(
            self.console, title="stopped", metrics={}, samples=[], rows=rows, started=self.started
        )


def device_peak(run: Run) -> tuple[float, str]:
    """The peak rate of all devices together, and how it is known."""
    hardware = run.hardware
    if hardware.peak_flops is not None:
        return hardware.peak_flops * hardware.world_size, "hardware.peak_flops"
    rate, how = peak_flops(hardware.accelerator, hardware.precision)
    return rate * hardware.world_size, how


def quiet_lightning() -> None:
    """No tips and no remarks on what is done on purpose; warnings of a log go on."""
    warnings.filterwarnings("ignore", module=r"lightning\.")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _short(path: Path) -> Path:
    """A path as one would type it here."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path
