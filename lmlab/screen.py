"""What a run shows: a summary before, progress during, one panel at the end."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from lmlab.build import Run


def count(number: float, unit: str = "") -> str:
    """A number for people: 1234567 becomes 1.23M."""
    for size, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            letter = "B" if letter == "G" and not unit else letter
            return f"{number / size:.3g}{letter}{unit}"
    return f"{number:.3g}{unit}"


def duration(seconds: float) -> str:
    """Seconds for people: 75 becomes 1m15s."""
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{seconds:02d}s"


def summary(run: Run, run_dir: Path, peak: str) -> Table:
    """Model, data, batch, budget and hardware, each in one line."""
    arch, plan = run.stage.arch, run.plan
    total = sum(p.numel() for p in arch.parameters())
    inner = total - arch.num_embedding_params()
    memory = total * 16 + activation_bytes(run)
    choices = run.config["arch"]["_target_"].rsplit(".", 1)[1]
    table = Table(show_header=False, box=None, padding=(0, 1))
    table.add_row(
        "model",
        f"{choices}: {count(total)} parameters, {count(inner)} without embeddings, "
        f"{count(plan.flops_per_token, 'FLOP')} a token, about {count(memory, 'B')} of memory",
    )
    table.add_row("data", f"{describe_data(run.data)}, vocabulary {run.tokenizer.vocab.size}")
    for line in getattr(run.data, "notes", []):
        table.add_row("", line)
    accumulate = -(-plan.step_sequences // (plan.micro_sequences * run.hardware.data_size))
    table.add_row(
        "batch",
        f"{plan.step_sequences} sequences x {plan.seq_len} = {count(plan.step_tokens)} tokens a step"
        + (f", in {accumulate} micro-batches" if accumulate > 1 else ""),
    )
    table.add_row("budget", describe_budget(run))
    table.add_row("hardware", f"{run.hardware.describe()}, peak {peak}")
    hint = getattr(
        run.stage, "from_random", ""
    )  # what a stage says to those who begin from nothing
    table.add_row("start", run.lineage or "random weights" + (f"; {hint}" if hint else ""))
    table.add_row("folder", str(run_dir))
    return table


def describe_data(data: Any) -> str:
    """How much there is to train and to validate on, in tokens or in examples."""
    if hasattr(data, "num_train_examples"):
        train, val = data.num_train_examples, len(data.val_examples)
        training = "endless" if train is None else count(train)
        return f"{training} training and {count(val)} validation examples"
    return f"{count(data.num_train_tokens)} training and {count(data.num_val_tokens)} validation tokens"


def describe_budget(run: Run) -> str:
    """The steps, tokens and compute that the budget comes to."""
    plan, data = run.plan, run.data
    if plan.num_steps is None:
        return f"{plan.minutes:g} minutes"
    tokens = plan.num_steps * plan.step_tokens
    text = f"{plan.num_steps} steps = {count(tokens)} tokens = {count(tokens * plan.flops_per_token, 'FLOP')}"
    if epoch := getattr(data, "num_train_tokens", 0):
        text += f", {tokens / epoch:.2g} epochs"
    elif epoch := getattr(data, "num_train_examples", 0):
        text += f", {plan.num_steps * plan.step_sequences / epoch:.2g} epochs"
    return text + (f", at most {plan.minutes:g} minutes" if plan.minutes else "")


def activation_bytes(run: Run) -> float:
    """A rough estimate of what one micro-batch keeps for the backward pass: 34 bytes per
    (layer, token, channel), from Korthikanti et al. 2022 without the attention matrices."""
    arch, plan = run.stage.arch, run.plan
    return 34.0 * arch.num_layers * arch.width * plan.micro_sequences * plan.seq_len


def note_progress(file: Path, step: int, part: float, stage: Any) -> None:
    """How far a run is, for whoever watches it from outside; part: of its budget, 0..1."""
    spent = stage.elapsed_seconds
    found = {
        "step": step,
        "part": part,
        "loss_nats": stage.latest.get("train/loss_nats"),
        "tokens_per_second": stage.latest.get("speed/tokens_per_second"),
        "seconds_left": spent * (1.0 - part) / part if part > 0.005 else None,
    }
    fresh = file.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(found))
        os.replace(fresh, file)
    except (OSError, TypeError):  # must not end a run
        return


class Screen(L.Callback):
    """Progress on a terminal as a bar, elsewhere as plain lines (about 20 a run)."""

    def __init__(self, run: Run, log_path: Path) -> None:
        self.plan = run.plan
        self.log_file = log_path.open("a", buffering=1)
        self.progress_file = log_path.with_name("progress.json")
        self.tty = sys.stdout.isatty()
        self.progress: Progress | None = None
        self.task: TaskID | None = None
        self._noted = 0.0

    def on_train_start(self, trainer: L.Trainer, stage: Any) -> None:
        if not (self.tty and trainer.is_global_zero):
            return
        columns = (BarColumn(bar_width=24), TextColumn("{task.description}"), TimeElapsedColumn())
        self.progress = Progress(*columns, transient=False)
        self.task = self.progress.add_task("starting", total=1.0)
        self.progress.start()

    def on_train_batch_end(
        self, trainer: L.Trainer, stage: Any, outputs: Any, batch: Any, index: int
    ) -> None:
        if not trainer.is_global_zero:
            return
        step = trainer.global_step
        progress = self.plan.progress(step, stage.elapsed_seconds)
        line = self._line(step, progress, stage)
        if time.monotonic() > self._noted + 0.5 or progress >= 1.0:
            self._noted = time.monotonic()
            note_progress(self.progress_file, step, progress, stage)
        if self.progress is not None and self.task is not None:
            self.progress.update(self.task, completed=progress, description=line)
        often = max(1, (self.plan.num_steps or 200) // 20)
        if step % often == 0 or step in (1, self.plan.num_steps):
            self.log_file.write(line + "\n")
            if not self.tty:
                print(line, flush=True)

    def _line(self, step: int, progress: float, stage: Any) -> str:
        total = f"/{self.plan.num_steps}" if self.plan.num_steps else ""
        name = getattr(stage, "headline", "train/loss_nats")
        word = name.rpartition("/")[2].removesuffix("_nats").replace("_", " ")
        text = f"step {step}{total}  {word} {stage.latest.get(name, math.nan):.3f}"
        if speed := stage.latest.get("speed/tokens_per_second"):
            text += f"  {count(speed)} tokens/s"
        if used := stage.latest.get("speed/model_flop_utilization"):
            text += f"  MFU {used:.0%}"
        if progress > 0.005:
            left = stage.elapsed_seconds * (1 - progress) / progress
            text += f"  {duration(left)} left"
        return text

    def on_validation_end(self, trainer: L.Trainer, stage: Any) -> None:
        if trainer.is_global_zero and stage.val_metrics:
            line = f"step {trainer.global_step}  validation: {validation_line(stage.val_metrics)}"
            self.log_file.write(line + "\n")
            console = self.progress.console if self.progress is not None else Console()
            console.print(line, highlight=False)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self.progress is not None:
            self.progress.stop()
            self.progress = None
        self.log_file.flush()

    def on_train_end(self, trainer: L.Trainer, stage: Any) -> None:
        self.stop()

    def on_exception(self, trainer: L.Trainer, stage: Any, exception: BaseException) -> None:
        self.stop()


def validation_line(metrics: dict[str, float]) -> str:
    """The validation figures in one line: the known ones in words, others by their names."""
    words = {
        "val/loss_nats": "{:.4f} nats a token",
        "val/bits_per_byte": "{:.3f} bits a byte",
        "val/perplexity": "perplexity {:.4g}",
    }
    parts = [text.format(metrics[name]) for name, text in words.items() if name in metrics]
    rest = [name for name in metrics if name.startswith("val/") and name not in words]
    parts += [f"{name.removeprefix('val/').replace('_', ' ')} {metrics[name]:.4g}" for name in rest]
    return ", ".join(parts)


# Rows that people copy: a path or a command must be in one piece.
COPIED = ("folder", "checkpoint", "go on")


def show_end(
    console: Console,
    *,
    title: str,
    metrics: dict[str, float],
    samples: list[dict[str, str]],
    rows: dict[str, str],
    started: float,
) -> None:
    """The last word of a run: figures, a sample, and the commands that go on from here.

    What is too long for a line of the panel stands below it in one piece, so that it can be copied.
    """
    room = console.width - max(len(name) for name in ("validation", *rows)) - 8
    table = Table(show_header=False, box=None, padding=(0, 1))
    if any(name.startswith("val/") for name in metrics):
        table.add_row("validation", validation_line(metrics))
    for sample in samples:
        text = (sample["prompt"] + sample["continuation"]).replace("\t", "    ")
        table.add_row("sample", Text(text))
    below = {name: value for name, value in rows.items() if name in COPIED and len(value) > room}
    for name, value in rows.items():
        if name not in below:
            table.add_row(name, Text(value, overflow="fold"))
    title = f"{title} in {duration(time.time() - started)}"
    console.print(Panel(table, title=title, title_align="left"))
    for name, value in below.items():
        console.print(Text(f"{name}: {value}"), soft_wrap=True)
