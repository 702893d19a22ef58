from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.jump import change_point, judge_jump

SCALE = np.geomspace(1e6, 1e10, 12)
LOGS = np.log10(SCALE)
NUM_DRAWS = 10


def noise(seed, size=0.01):
    return size * np.random.default_rng(seed).standard_normal(len(SCALE))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_a_step_is_found_where_it_is():
    found = change_point(SCALE, 0.1 * LOGS + 0.5 * (SCALE > 1e8) + noise(0))
    assert found.sharp and found.place < 1e8 < 3 * found.place
    assert found.step == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("curve", "size"),
    [
        pytest.param(1.7 + 400 * SCALE**-0.28, 0.005, id="power law with a floor"),
        pytest.param(sigmoid(LOGS - 8), 0.01, id="logistic"),
        pytest.param(sigmoid(4 * (LOGS - 8.1)), 0.002, id="rise within three scales"),
        pytest.param(0.1 * LOGS**2, 0.02, id="quadratic"),
    ],
)
def test_smooth_curves_are_seldom_called_sharp(curve, size):
    relative = curve if curve[0] > curve[-1] else np.ptp(curve)
    found = (change_point(SCALE, curve + relative * noise(seed, size)) for seed in range(NUM_DRAWS))
    assert sum(point.sharp for point in found) <= 2


@pytest.mark.parametrize(
    "curve",
    [
        pytest.param(0.1 * LOGS + 0.2 * (SCALE > 1e8), id="line"),
        pytest.param(1.7 + 400 * SCALE**-0.28 - 0.5 * (SCALE > 3e8), id="power law"),
        pytest.param(sigmoid(LOGS - 8) + 0.3 * (SCALE > 1e8), id="logistic"),
    ],
)
def test_a_step_on_a_smooth_curve_is_nearly_always_found(curve):
    found = [change_point(SCALE, curve + noise(seed)) for seed in range(NUM_DRAWS)]
    assert sum(point.sharp for point in found) >= NUM_DRAWS - 1


def test_exact_match_of_a_smooth_ability_is_an_artefact_of_the_metric():
    chance = sigmoid(LOGS - 8)
    verdict = judge_jump(SCALE, np.log(chance) + noise(1), chance**10 + noise(2, 0.005))
    assert verdict.verdict == "artefact of the metric" and verdict.power >= 0.8
    loss = (1.7 + 400 * SCALE**-0.28) * np.exp(noise(3, 0.005))
    verdict = judge_jump(SCALE, loss, chance**5 + noise(4, 0.005))
    assert verdict.verdict == "artefact of the metric" and "of its rise around" in verdict.reason


def test_a_thresholded_form_that_steps_beside_a_smooth_one_is_an_artefact_of_the_metric():
    verdict = judge_jump(SCALE, 0.1 * LOGS + noise(5), 0.7 * (SCALE > 1e8) + noise(6))
    assert verdict.verdict == "artefact of the metric" and verdict.thresholded.sharp


def test_sharp_in_both():
    jump = SCALE > 1e8
    verdict = judge_jump(SCALE, 0.1 * LOGS + 0.3 * jump + noise(3), 0.7 * jump + noise(4))
    assert verdict.verdict == "sharp in both" and "the step is after 6.58e+07" in verdict.reason


def test_not_resolved_without_a_step_and_without_power():
    flat = judge_jump(SCALE, LOGS + noise(5), LOGS + noise(6))
    weak = judge_jump(SCALE, 0.1 * LOGS + noise(8, 0.2), 0.7 * (SCALE > 1e8) + noise(7))
    assert flat.verdict == weak.verdict == "not resolved" and "power" in weak.reason


def test_a_step_in_the_smooth_form_alone_is_not_resolved():
    verdict = judge_jump(SCALE, LOGS + 2 * (SCALE > 1e8) + noise(1), LOGS + noise(2))
    assert verdict.verdict == "not resolved" and "only the smooth form" in verdict.reason


def test_without_noise_a_line_has_no_step_and_a_step_is_one():
    assert not change_point(SCALE, LOGS).sharp and change_point(SCALE, LOGS + (SCALE > 1e8)).sharp


def test_the_order_of_scales_does_not_matter():
    y = 0.1 * LOGS + 0.5 * (SCALE > 1e8) + noise(0)
    assert change_point(SCALE[::-1], y[::-1]) == change_point(SCALE, y)


def test_too_few_scales():
    with pytest.raises(ValueError, match="7 or more"):
        change_point(SCALE[:6], LOGS[:6])
    with pytest.raises(ValueError, match="differ in length"):
        judge_jump(SCALE, LOGS, LOGS[:5])
