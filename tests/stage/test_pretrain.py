"""The pretraining stage: accumulation, counting, the guard before the optimizer, validation."""

from __future__ import annotations

import math
import random

import pytest
import torch

from lmlab.stage.guard import Diverged, Rewind
from tests.stage.test_guard import guard
from tests.stage.tiny import Stream, make_stage, make_trainer


def train(num_steps: int = 10, **keys):
    stage = make_stage(num_steps=num_steps, **keys)
    make_trainer(num_steps).fit(stage, datamodule=Stream(stage.plan.step_sequences))
    return stage


def weights(stage) -> list[torch.Tensor]:
    return [p.detach().clone() for p in stage.arch.parameters()]


def test_it_learns_and_counts():
    stage = train(30)
    assert stage.latest["train/loss_nats"] < math.log(61) - 1
    assert stage.latest["progress/tokens"] == 30 * 8 * 16
    assert stage.latest["progress/flops"] == 30 * 8 * 16 * stage.plan.flops_per_token
    assert stage.latest["train/learning_rate"] == pytest.approx(1e-2 * 0.1)


@pytest.mark.parametrize("micro", [1, 3, 4])
def test_micro_batches_change_nothing_though_their_counts_differ(micro):
    whole, split = (train(micro=m, changes={"bias": False}) for m in (8, micro))
    for a, b in zip(weights(whole), weights(split), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def poison(stage, at, factor):
    """Multiply the loss of the steps in `at`; keeps the weights before every step."""
    plain, stage.before = stage.score, []

    def score(batch):
        stage.before.append(weights(stage))
        loss = plain(batch)
        scale = factor if stage.trainer.global_step in at else 1.0
        return type(loss)(loss.total * scale, loss.count, loss.metrics)

    stage.score = score


def test_twenty_steps_that_are_not_finite_leave_weights_as_they_were():
    at = set(random.Random(0).sample(range(60), 20))
    stage = make_stage(num_steps=60, guard=guard(max_bad_steps=21))
    poison(stage, at, math.nan)
    make_trainer(60).fit(stage, datamodule=Stream(8))
    states = [*stage.before, weights(stage)]
    still = [all(map(torch.equal, states[i], states[i + 1])) for i in range(60)]
    assert {i for i in range(60) if still[i]} == at
    assert all(p.isfinite().all() for p in stage.arch.parameters())
    assert stage.latest["train/skipped_not_finite"] == 20


def test_too_many_in_a_row_end_the_run_with_good_weights():
    stage = make_stage(num_steps=60, guard=guard(max_bad_steps=5))
    poison(stage, set(range(10, 60)), math.inf)
    with pytest.raises(Diverged, match="5 steps in a row"):
        make_trainer(60).fit(stage, datamodule=Stream(8))
    assert all(p.isfinite().all() for p in stage.arch.parameters())


@pytest.mark.parametrize("choice", ["skip", "rewind"])
def test_a_spike_reaches_no_optimizer(choice):
    stage = make_stage(num_steps=20, guard=guard(spike=choice, spike_window=8, spike_sigma=12.0))
    poison(stage, {15}, 10.0)
    if choice == "rewind":
        with pytest.raises(Rewind) as raised:
            make_trainer(20).fit(stage, datamodule=Stream(8))
        assert raised.value.step == 15
    else:
        make_trainer(20).fit(stage, datamodule=Stream(8))
        assert stage.guard.skipped_spikes == 1
        assert all(map(torch.equal, stage.before[15], stage.before[16]))


def test_validation_gives_nats_perplexity_and_bits_a_byte():
    stage = make_stage(num_steps=4)
    trainer = make_trainer(
        4, limit_val_batches=1.0, val_check_interval=4, check_val_every_n_epoch=None
    )
    data = Stream(8)
    trainer.fit(stage, datamodule=data)
    batches = data.val_batches()
    with torch.no_grad():
        losses = [stage.score(batch) for batch in batches]
    nats = sum(float(x.total) for x in losses)
    count = sum(int(x.count) for x in losses)
    num_bytes = sum(int(((b.targets != 60) & b.mask).sum()) for b in batches)
    got = stage.val_metrics
    assert got["val/loss_nats"] == pytest.approx(nats / count, rel=1e-5)
    assert got["val/perplexity"] == pytest.approx(math.exp(nats / count), rel=1e-4)
    assert got["val/bits_per_byte"] == pytest.approx(nats / math.log(2) / num_bytes, rel=1e-5)
    assert len(stage.samples[0]["continuation"]) == 4


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="stage.log_every_steps"):
        make_stage(num_steps=1, log_every_steps=0)
