from __future__ import annotations

import math

import pytest
import torch

from lmlab.rollout.kl import AdaptiveKL, FixedKL, kl_estimate


def test_estimators_by_hand():
    ratio = torch.tensor([math.log(2.0), 0.0, -math.log(2.0)])
    assert kl_estimate(ratio, "k1").tolist() == ratio.tolist()
    assert kl_estimate(ratio, "k2").tolist() == pytest.approx([0.2402, 0, 0.2402], abs=1e-4)
    k3 = [0.5 - 1 + math.log(2), 0, 2 - 1 - math.log(2)]
    assert kl_estimate(ratio, "k3").tolist() == pytest.approx(k3, abs=1e-6)
    with pytest.raises(ValueError, match="kl_estimator=k4"):
        kl_estimate(ratio, "k4")


def test_k1_and_k3_are_unbiased_and_k3_is_never_negative():
    policy, reference = torch.randn(2, 6, generator=torch.Generator().manual_seed(0)).log_softmax(1)
    ratio = policy - reference
    expected = (policy.exp() * ratio).sum()
    for name in ("k1", "k3"):
        assert float((policy.exp() * kl_estimate(ratio, name)).sum()) == pytest.approx(
            float(expected), abs=1e-6
        )
    assert (kl_estimate(ratio, "k3") >= 0).all()


def test_the_coefficient_follows_the_target_slowly():
    control = AdaptiveKL(coefficient=0.2, target=6.0, horizon=1000)
    control.update(60.0, 100)
    assert control.coefficient == pytest.approx(0.2 * 1.02)
    control.update(5.4, 100)
    assert control.coefficient == pytest.approx(0.2 * 1.02 * 0.99)
    kept = AdaptiveKL(coefficient=1.0, target=6.0, horizon=1000)
    kept.load_state_dict(control.state_dict())
    assert kept.coefficient == control.coefficient


def test_a_fixed_coefficient_stays():
    control = FixedKL(coefficient=0.1)
    control.update(60.0, 100)
    assert control.coefficient == 0.1
    with pytest.raises(ValueError, match="^stage.kl_coefficient=-1"):
        FixedKL(coefficient=-1.0)
    with pytest.raises(ValueError, match="^stage.kl_target=0.* stage.kl_horizon="):
        AdaptiveKL(coefficient=0.1, target=0.0, horizon=10)
