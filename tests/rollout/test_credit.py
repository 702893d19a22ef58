"""Advantages and value targets of PPO's variants, by hand and against each other."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.rollout.credit import Credit

MASK = torch.tensor([[True, True, True], [True, True, False]])
VALUES = torch.tensor([[0.1, 0.2, 0.3], [0.5, 0.5, 0.0]])
REWARD = torch.tensor([1.0, -1.0])
LOG_RATIO = torch.tensor([[0.1, 0.0, 0.2], [0.4, -0.1, 0.0]])


def give(coefficient: float = 0.5, **changes: Any) -> tuple[torch.Tensor, torch.Tensor]:
    keys = {
        "kl_in": None,
        "value_target": "reward",
        "kl_estimator": "k1",
        "gae_lambda": 1.0,
        "discount": 1.0,
    }
    return Credit(**(keys | changes)).give(REWARD, LOG_RATIO, VALUES, MASK, coefficient)  # type: ignore[arg-type]


def test_v0_is_reward_minus_value_and_fits_the_value_to_the_reward():
    advantages, targets = give()
    torch.testing.assert_close(advantages, torch.tensor([[0.9, 0.8, 0.7], [-1.5, -1.5, 0.0]]))
    assert targets.tolist() == [[1.0, 1.0, 1.0], [-1.0, -1.0, 0.0]]


def test_kl_in_the_advantage_takes_off_what_is_still_to_come():
    advantages, targets = give(kl_in="advantage")
    wanted = torch.tensor([[0.75, 0.7, 0.6], [-1.65, -1.45, 0.0]])
    torch.testing.assert_close(advantages, wanted)
    assert targets.tolist() == [[1.0, 1.0, 1.0], [-1.0, -1.0, 0.0]]


def test_with_lambda_1_both_places_of_the_kl_give_one_advantage_and_their_returns_agree():
    one = give(kl_in="advantage", value_target="returns")
    other = give(kl_in="reward", value_target="returns")
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b)


def test_without_kl_lambda_0_is_the_one_step_error():
    advantages, _ = give(kl_in="reward", coefficient=0.0, gae_lambda=0.0)
    wanted = torch.tensor([[0.1, 0.1, 0.7], [0.0, -1.5, 0.0]])
    torch.testing.assert_close(advantages, wanted)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="stage.gae_lambda=1.5 must be in 0..1"):
        give(gae_lambda=1.5)
