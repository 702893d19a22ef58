from __future__ import annotations

import pytest

from lmlab.config.needs import needs_model


@pytest.mark.parametrize(
    ("target", "needs"),
    [
        ("lmlab.scaling.compute_plan.ComputePlan", False),
        ("lmlab.scaling.scaling_law.ScalingLaw", False),
        ("lmlab.stage.pretrain.Pretrain", True),
        ("lmlab.stage.nothing.Nothing", True),
    ],
)
def test_a_stage_says_so_itself(target, needs):
    assert needs_model({"stage": {"_target_": target}}) is needs


def test_a_configuration_without_a_stage():
    assert needs_model({})
