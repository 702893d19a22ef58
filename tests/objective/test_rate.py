from __future__ import annotations

import pytest

from lmlab.objective.rate import check_fraction, check_mean_span, check_rate


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_that_hides_nothing_or_all_is_refused(value):
    with pytest.raises(ValueError, match="objective.rate="):
        check_rate("objective.rate", value)
    assert check_rate("objective.rate", 0.15) == 0.15


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_fraction_is_from_0_to_1(value):
    with pytest.raises(ValueError, match="a=.*from 0 to 1"):
        check_fraction("a", value)
    assert check_fraction("a", 0) == 0 and check_fraction("a", 1) == 1


@pytest.mark.parametrize("value", [0.5, -3, float("nan")])
def test_a_span_has_a_token(value):
    with pytest.raises(ValueError, match="1 token or more"):
        check_mean_span("objective.mean_span", value)
    assert check_mean_span("objective.mean_span", 1) == 1
