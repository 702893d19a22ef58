"""What all stages that train share; tests/stage/test_pretrain.py trains with it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lmlab.stage.training import Training, head_of
from tests.conftest import small_gpt
from tests.stage.tiny import Stream, make_stage, make_trainer


def test_the_head_is_what_the_architecture_has():
    arch = small_gpt()
    head = head_of(arch)
    assert head.weight is arch.unembedding.weight
    assert head.bias is None and head.readout is None and head.next_sentence is None
    arch.readout = nn.Tanh()
    assert head_of(arch).readout is arch.readout


def test_tokens_are_counted_by_the_stage_and_kept_in_its_state():
    stage = make_stage(num_steps=3)
    stage.step_tokens = lambda batch: 5  # rows that are not full
    make_trainer(3).fit(stage, datamodule=Stream(stage.plan.step_sequences))
    assert stage.latest["progress/tokens"] == 15
    kept: dict = {}
    stage.on_save_checkpoint(kept)
    again = make_stage(num_steps=3)
    again.on_load_checkpoint(kept)
    assert again.num_tokens == 15 and again.elapsed_seconds == stage.elapsed_seconds


class NoScore(Training):
    """A stage whose writer forgot the loss."""


def test_a_stage_without_a_score_cannot_be_made():
    with pytest.raises(TypeError, match="score"):
        NoScore()


def test_terms_are_counted_by_the_mask():
    batch = Stream(8).batch(0)
    assert torch.equal(make_stage(num_steps=1).count(batch), batch.mask.sum())


def test_where_minutes_end_a_run_all_go_by_the_first_ones_clock():
    stage = make_stage(num_steps=4)
    stage.plan = replace(stage.plan, num_steps=None, minutes=1.0)
    optimizer = SimpleNamespace(param_groups=[{"lr": 0.0, "peak_lr": 1.0}])
    stage._optimizers = lambda: [optimizer]
    strategy = SimpleNamespace(broadcast=lambda seconds: 30.0)  # half of the budget, of process 0
    stage._trainer = SimpleNamespace(global_step=3, world_size=2, strategy=strategy)
    stage.elapsed_seconds = 55.0
    assert stage._set_rate() == stage.optim.rate(0.5) == optimizer.param_groups[0]["lr"]
    assert stage.elapsed_seconds == 30.0


@pytest.mark.parametrize(("others", "passes"), [(2, [True, True]), (3, [True, True, False])])
def test_a_smaller_share_of_a_validation_keeps_step(others, passes):
    stage = make_stage(num_steps=1, sequences=4, micro=2)
    reduced = SimpleNamespace(clip=None, reduce=lambda number, reduce_op: torch.tensor(others))
    stage._trainer = SimpleNamespace(world_size=2, strategy=reduced)
    parts = list(stage.validation_parts(Stream(4).batch(0)))
    assert [counts for _, counts in parts] == passes
