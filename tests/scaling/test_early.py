from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.early import forecast_end

TOKENS = np.arange(1, 2001) * 1e5
CLEAN = 1.7 + 400 * TOKENS**-0.28


def test_the_end_of_an_exact_curve_is_known_from_its_first_tenth():
    found = forecast_end(TOKENS, CLEAN)
    assert abs(found.error) < 0.01 and found.seen_tokens == pytest.approx(2e7)
    assert "from the first 10%" in found.text() and "the error is" in found.text()


def test_under_noise_the_interval_holds_the_end_most_times():
    inside = 0
    for seed in range(30):
        noise = 0.03 * np.random.default_rng(seed).standard_normal(len(TOKENS))
        inside += CLEAN[-1] in forecast_end(TOKENS, CLEAN + noise, seed=seed).loss
    assert 23 <= inside <= 30


def test_an_unfinished_run_has_no_error():
    seen = TOKENS <= 4e7
    found = forecast_end(TOKENS[seen], CLEAN[seen], end_tokens=2e8)
    assert found.error is None and found.loss.value == pytest.approx(CLEAN[-1], rel=0.01)


def test_too_few_measurements():
    with pytest.raises(ValueError, match="a forecast needs 8"):
        forecast_end(TOKENS[::300], CLEAN[::300])
