"""When a run is saved, what is saved, and that resuming is exact; with Lightning's own fit."""

from __future__ import annotations

import logging
import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch

from lmlab.durable import sha256
from lmlab.io import checkpoint_io, random_state
from lmlab.io.checkpoint import CheckpointError, all_of, find_good, step_of, survey
from lmlab.io.checkpoint_io import FolderCheckpointIO
from lmlab.io.checkpointing import Checkpointing
from tests.io import tiny
from tests.io.kill import difference, essence
from tests.io.tiny import At, Data, Stage, checkpointing, train, trainer_for

# Keywords of a Trainer that validates every five steps.
EVERY_FIVE: dict[str, Any] = {
    "val_check_interval": 5,
    "check_val_every_n_epoch": None,
    "limit_val_batches": 1.0,
}


def steps_in(run_dir: Path) -> list[int]:
    return [step_of(path) for path in reversed(all_of(run_dir / "checkpoints"))]


def test_saves_every_three_steps_and_at_the_end(tmp_path: Path) -> None:
    train(tmp_path, False, steps=10, every_steps=3)
    assert steps_in(tmp_path) == [9, 10]  # keep=2
    last = tmp_path / "checkpoints" / "step-00000010"
    assert (tmp_path / "checkpoints" / "last").read_text() == last.name + "\n"
    found = FolderCheckpointIO().load_checkpoint(last)
    assert found["config"] == "seed: 0\n" and found["Data"] == {"step": 10}
    assert list(found["callbacks"]["Checkpointing"]["random"][0]) == [
        "torch",
        "numpy",
        "python",
        "cuda",
    ]


def test_saves_only_at_the_end(tmp_path: Path) -> None:
    train(tmp_path, False, steps=4)
    assert steps_in(tmp_path) == [4]


def test_a_step_is_saved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    write = checkpoint_io.write

    def noting(*arguments: Any, **keywords: Any) -> None:
        saved.append(keywords["step"])
        write(*arguments, **keywords)

    monkeypatch.setattr(checkpoint_io, "write", noting)
    train(tmp_path, False, steps=6, every_steps=2)
    train(tmp_path, True, steps=6, every_steps=2)  # already at its end
    assert saved == [2, 4, 6]


@pytest.mark.parametrize("key", ["every_steps", "keep"])
def test_settings_of_zero_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match=rf"checkpoint.{key}=0 must be 1 or more"):
        checkpointing(tmp_path, **{key: 0})


def test_resume_at_every_step_ends_bitwise_equal(tmp_path: Path) -> None:
    """R2: the weights, the optimizer, the random states, after a resume at each of 20 steps."""
    stage, callback = Stage(), checkpointing(tmp_path / "whole", every_steps=1, keep=99)
    trainer_for(callback, steps=20).fit(stage, datamodule=Data())
    expected = essence(tmp_path / "whole")
    for checkpoint in all_of(tmp_path / "whole" / "checkpoints")[1:]:
        run_dir = tmp_path / checkpoint.name
        shutil.copytree(checkpoint, run_dir / "checkpoints" / checkpoint.name)
        train(run_dir, True, steps=20, seed=99)
        assert difference(expected, essence(run_dir)) is None, checkpoint.name


def test_a_finished_run_can_be_extended_exactly(tmp_path: Path) -> None:
    train(tmp_path / "whole", False, steps=20)
    train(tmp_path / "longer", False, steps=13)
    train(tmp_path / "longer", True, steps=20, seed=99)
    assert difference(essence(tmp_path / "whole"), essence(tmp_path / "longer")) is None


def test_validation_leaves_no_trace_and_resume_at_one_is_exact(tmp_path: Path) -> None:
    train(tmp_path / "whole", False, steps=20)
    for first in (5, 7, 20):
        run_dir = tmp_path / str(first)
        train(run_dir, False, steps=first, **EVERY_FIVE)
        train(run_dir, True, steps=20, seed=99, **EVERY_FIVE)
        assert difference(essence(tmp_path / "whole"), essence(run_dir)) is None, first


class Estimating(Stage):
    """Reads the number that makes Lightning set up the loader before it restores its loops."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        assert self.trainer.estimated_stepping_batches == 20
        return super().configure_optimizers()


def test_reading_estimated_stepping_batches_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tmp_path / "whole", False, steps=20)
    monkeypatch.setattr(tiny, "Stage", Estimating)
    train(tmp_path / "cut", False, steps=20, every_steps=3, before=[At(stop_at_eight)])
    assert steps_in(tmp_path / "cut") == [6, 8]
    train(tmp_path / "cut", True, steps=20, seed=99)
    assert difference(essence(tmp_path / "whole"), essence(tmp_path / "cut")) is None


def stop_at_eight(trainer: L.Trainer) -> None:
    if trainer.global_step == 8:
        trainer.should_stop = True


def test_tied_weights_come_back_tied(tmp_path: Path) -> None:
    train(tmp_path, False, steps=3)
    stage, folder = Stage(), find_good(tmp_path)
    trainer = trainer_for(checkpointing(tmp_path), steps=5)
    trainer.fit(stage, datamodule=Data(), ckpt_path=folder)
    assert stage.arch.unembedding.weight is stage.arch.embedding.weight
    assert len(stage.seen) == 2


# ---- failures


def refuse(monkeypatch: pytest.MonkeyPatch, steps: set[int]) -> None:
    """The disk is full at these steps."""
    write = checkpoint_io.write

    def refusing(*arguments: Any, **keywords: Any) -> None:
        if keywords["step"] in steps:
            raise CheckpointError(f"disk full at {keywords['step']}")
        write(*arguments, **keywords)

    monkeypatch.setattr(checkpoint_io, "write", refusing)


def test_a_failure_in_mid_training_is_reported_once_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(monkeypatch, {2, 3, 4})
    with caplog.at_level(logging.WARNING, logger="lmlab"):
        train(tmp_path, False, steps=6, every_steps=1)
    messages = [record.message for record in caplog.records if "disk full" in record.message]
    assert messages == ["disk full at 2. Training goes on"]
    assert steps_in(tmp_path) == [5, 6]


def test_a_failure_at_the_end_is_raised_and_the_earlier_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, {5})
    with pytest.raises(CheckpointError, match="disk full at 5"):
        train(tmp_path, False, steps=5, every_steps=4)
    assert steps_in(tmp_path) == [4] and survey(tmp_path / "checkpoints")[0]


class Objects(L.Callback):
    """Wants to keep something that is not plain."""

    def state_dict(self) -> dict[str, Any]:
        return {"mean": np.float64(1.0)}


def test_a_state_that_is_not_plain_is_raised_at_the_first_save(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"\['Objects'\]\['mean'\] is a numpy.float64"):
        train(tmp_path, False, steps=50, every_steps=1, before=[Objects()])


# ---- signals


def handlers() -> tuple[Any, ...]:
    return signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)


def test_our_handlers_alone_are_in_place_while_training_and_gone_after(tmp_path: Path) -> None:
    before, during = handlers(), []
    callback = checkpointing(tmp_path)
    look = At(lambda trainer: during.append(handlers()))
    trainer_for(callback, steps=2, before=[look]).fit(Stage(), datamodule=Data())
    assert during == [(callback.stop._note,) * 2] * 2
    assert handlers() == before


def test_the_handlers_come_back_after_an_error(tmp_path: Path) -> None:
    before = handlers()

    def fail(trainer: L.Trainer) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        train(tmp_path, False, steps=2, before=[At(fail)])
    assert handlers() == before


def test_a_stopped_run_resumes_exactly_even_where_validation_is_due(tmp_path: Path) -> None:
    def stop(trainer: L.Trainer) -> None:
        if trainer.global_step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    train(tmp_path / "whole", False, steps=20)
    code = train(tmp_path / "cut", False, steps=20, before=[At(stop)], **EVERY_FIVE)
    assert code == 130 and steps_in(tmp_path / "cut") == [5]
    assert train(tmp_path / "cut", True, steps=20, seed=99, **EVERY_FIVE) == 0
    assert difference(essence(tmp_path / "whole"), essence(tmp_path / "cut")) is None


# ---- other runs


def tree(folder: Path) -> dict[str, str]:
    return {str(path): sha256(path) for path in folder.rglob("*") if path.is_file()}


def test_resuming_from_another_runs_folder_leaves_it_as_it_was(tmp_path: Path) -> None:
    """R10."""
    train(tmp_path / "a", False, steps=6, every_steps=1)
    before = tree(tmp_path / "a")
    for number in range(10):
        callback = checkpointing(tmp_path / f"b{number}", every_steps=1)
        trainer = trainer_for(callback, steps=9)
        trainer.fit(Stage(), datamodule=Data(), ckpt_path=find_good(tmp_path / "a"))
        assert tree(tmp_path / "a") == before
        assert steps_in(tmp_path / f"b{number}") == [8, 9]


def drawn_after(callback: Checkpointing, saved: dict[str, Any], rank: int, world: int) -> float:
    """The next number that a process draws once it has restored what was saved."""
    trainer: Any = SimpleNamespace(global_rank=rank, world_size=world, is_global_zero=False)
    callback._restore_random(trainer, **saved)
    return float(torch.rand(()))


def test_processes_that_share_a_batch_draw_the_same_numbers_on_any_layout(tmp_path: Path) -> None:
    """Two processes with a share each go on as a mesh of 2 x 2, then as two shares of eight."""
    states = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        states.append(random_state.get())
    expected = [float(torch.rand((), generator=torch.Generator().manual_seed(s))) for s in (0, 1)]
    saved = {"random": states, "data_ranks": [0, 1]}
    mesh = checkpointing(tmp_path, data_ranks=[0, 0, 1, 1])
    assert [drawn_after(mesh, saved, rank, 4) for rank in range(4)] == [
        expected[share] for share in (0, 0, 1, 1)
    ]
    fast = checkpointing(tmp_path, data_ranks=[0, 1, 2, 3, 0, 1, 2, 3])
    found = [drawn_after(fast, saved, rank, 8) for rank in range(8)]
    assert found[:4] == found[4:] and len(set(found)) == 4
    back = {"random": [states[share] for share in (1, 1, 0, 0)], "data_ranks": [1, 1, 0, 0]}
    assert [drawn_after(checkpointing(tmp_path), back, rank, 2) for rank in (0, 1)] == expected
