"""Jobs whose stage trains nothing."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch

from lmlab.perform import perform


class Counts:
    """Keeps what it was run with."""

    def __init__(self) -> None:
        self.arch = torch.nn.Linear(2, 2)
        self.rows, self.points = [{"answer": "é"}], [(1, {"a": 1.0}), (2, {"a": 2.0})]

    def perform(self, device: torch.device) -> None:
        self.grad, self.dtype = torch.is_grad_enabled(), self.arch(torch.ones(1, 2)).dtype


def run(world_size: int = 1, precision: str = "fp32") -> SimpleNamespace:
    hardware = SimpleNamespace(
        world_size=world_size, devices=world_size, accelerator="cpu", precision=precision
    )
    return SimpleNamespace(hardware=hardware, stage=Counts())


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_it_runs_without_gradients_in_the_precision_asked_for(tmp_path, precision, dtype):
    job = run(precision=precision)
    perform(job, tmp_path, None)
    assert not job.stage.grad and job.stage.dtype == dtype and not job.stage.arch.training
    (line,) = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"answer": "é"}


def test_its_points_go_to_the_tracker_by_their_step(tmp_path):
    points: list[tuple[int, dict[str, float]]] = []
    tracker = SimpleNamespace(log_metrics=lambda metrics, step: points.append((step, metrics)))
    perform(run(), tmp_path, tracker)
    assert points == [(1, {"a": 1.0}), (2, {"a": 2.0})]


def test_two_processes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="hardware.devices=2: this stage trains nothing"):
        perform(run(world_size=2), tmp_path, None)
