"""A job whose stage trains nothing: the model in place, its work done, its figures kept."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from lmlab.build import Run


def perform(run: Run, folder: Path, tracker: Any) -> None:
    """Let the stage do its work with weights in evaluation mode, on the hardware and in its precision.

    The stage has `perform()` and afterwards `latest` (its figures), `samples`, and where it has them
    `points` (figures by step, for curves) and `rows` (all it made, written to answers.jsonl).
    Raises: ValueError for more than one process, which would each do all of it.
    """
    hardware, stage = run.hardware, run.stage
    if hardware.world_size > 1:
        raise ValueError(
            f"hardware.devices={hardware.devices}: this stage trains nothing and runs in one process; "
            "set hardware=auto"
        )
    device = torch.device("cuda" if hardware.accelerator == "gpu" else "cpu")
    stage.arch.to(device).eval()
    bf16 = hardware.precision == "bf16"
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16) if bf16 else nullcontext():
        stage.perform(device)
    rows = getattr(stage, "rows", [])
    if rows:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (folder / "answers.jsonl").write_text("".join(lines), encoding="utf-8")
    if tracker is not None:
        for step, metrics in getattr(stage, "points", []):
            tracker.log_metrics(metrics, step=step)
