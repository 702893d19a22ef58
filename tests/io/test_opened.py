from __future__ import annotations

import pytest
import torch

from lmlab.build import open_run
from lmlab.io.checkpoint import CheckpointError
from lmlab.io.opened import run_folder
from lmlab.job import read
from lmlab.train import Training
from tests.stage.posttraining import SMALL


def test_a_reward_model_is_opened_as_it_was_trained(tmp_path, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path / "cache"))
    from lmlab.check import check_composed
    from lmlab.config import run_folder as folders
    from lmlab.config.compose import Composer
    from lmlab.config.place import find_places

    composer = Composer(find_places())
    settings = ["stage=rm", "data.source.num_train=40", "budget.steps=2", "stage.num_validations=0"]
    composed = composer.compose([*SMALL, f"run.root={tmp_path}", *settings])
    check_composed(composed, composer.places)
    folder = folders.create(composed.cfg, composed.choices, composed.overrides)
    job = Training(read(folder / "config.yaml"))
    assert job.run() == 0
    opened = open_run(folder.name, tmp_path)
    assert set(opened.extra) == {"reward_head.linear.weight", "reward_head.linear.bias"}
    assert not opened.arch.training and opened.tokenizer.vocab.turn_end is not None
    assert all(torch.isfinite(p).all() for p in opened.arch.parameters())
    assert run_folder(folder / "checkpoints" / "step-00000002") == folder


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not a run's folder"):
        run_folder(tmp_path)
