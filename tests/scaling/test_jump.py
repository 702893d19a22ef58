from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.jump import change_point, judge_jump

SCALE = np.geomspace(1e6, 1e10, 12)
LOGS = np.log10(SCALE)


def noise(seed, size=0.01):
    return size * np.random.default_rng(seed).standard_normal(len(SCALE))


def test_a_step_is_found_where_it_is():
    found = change_point(SCALE, 0.1 * LOGS + 0.5 * (SCALE > 1e8) + noise(0))
    assert found.sharp and found.place < 1e8 < 3 * found.place
    assert found.step == pytest.approx(0.5, abs=0.1)


def test_smooth_curves_are_called_sharp_about_one_time_in_twenty():
    false = sum(change_point(SCALE, 0.1 * LOGS**2 + noise(seed)).sharp for seed in range(100))
    assert false <= 11


def test_exact_match_of_a_smooth_ability_is_an_artefact_of_the_metric():
    chance = 1 / (1 + np.exp(-(LOGS - 8)))
    verdict = judge_jump(SCALE, np.log(chance) + noise(1), chance**10 + noise(2, 0.005))
    assert verdict.verdict == "artefact of the metric" and verdict.power >= 0.8


def test_sharp_in_both():
    jump = SCALE > 1e8
    verdict = judge_jump(SCALE, 0.1 * LOGS + 0.3 * jump + noise(3), 0.7 * jump + noise(4))
    assert verdict.verdict == "sharp in both" and "near" in verdict.reason


def test_not_resolved_without_a_break_and_without_power():
    flat = judge_jump(SCALE, LOGS + noise(5), LOGS + noise(6))
    weak = judge_jump(SCALE, 0.1 * LOGS + noise(8, 0.2), 0.7 * (SCALE > 1e8) + noise(7))
    assert flat.verdict == weak.verdict == "not resolved" and "power" in weak.reason


def test_the_order_of_scales_does_not_matter():
    y = 0.1 * LOGS + 0.5 * (SCALE > 1e8) + noise(0)
    assert change_point(SCALE[::-1], y[::-1]) == change_point(SCALE, y)


def test_too_few_scales():
    with pytest.raises(ValueError, match="7 or more"):
        change_point(SCALE[:6], LOGS[:6])
    with pytest.raises(ValueError, match="differ in length"):
        judge_jump(SCALE, LOGS, LOGS[:5])
