"""Earlier runs as parts of this one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lmlab.ancestors import Ancestors
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.io.checkpoint import CheckpointError
from lmlab.job import read
from lmlab.opened import Opener, open_run
from lmlab.train import Training
from tests.finished_run import finished_run
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


def test_an_opener_tells_what_it_takes_to_make_its_models_again(tmp_path):
    folder = finished_run(tmp_path, "stage=pretrain")
    tokenizer = Bytes()
    first = Opener(tmp_path, tokenizer, None)
    opened = first(folder.name)
    about = first.runs[folder.name]
    assert about["vocab_size"] == opened.arch.vocab_size and about["prefix_attention"] is False
    again = Opener(Path("nowhere"), tokenizer, Ancestors(None, False, first.runs))(folder.name)
    shapes = {name: tensor.shape for name, tensor in opened.arch.state_dict().items()}
    assert {name: tensor.shape for name, tensor in again.arch.state_dict().items()} == shapes
    assert again.tokenizer is tokenizer and again.extra == {}
    with pytest.raises(CheckpointError, match="nowhere/ with that name"):
        Opener(Path("nowhere"), tokenizer, None)(folder.name)


def test_a_run_of_a_prefix_objective_reads_prompts_as_it_learned_them(tmp_path):
    whole = finished_run(tmp_path, "objective=prefix_lm", specials="marks")
    causal = finished_run(
        tmp_path, "objective=prefix_lm", "objective.prefix_attention=false", specials="marks"
    )
    assert open_run(whole.name, tmp_path).arch.prefix_attention is True
    assert open_run(causal.name, tmp_path).arch.prefix_attention is False
