from __future__ import annotations

import pytest

from lmlab.sweep.statistics import mean, rank_correlation, ranked, slope, where_least


def test_hand_cases():
    assert mean([1, 2, 6]) == 3
    assert slope([1, 2, 3], [5, 3, 1]) == -2
    assert ranked([10, 30, 10, 20]) == [1.5, 4, 1.5, 3]
    assert rank_correlation([1, 2, 3], [10, 100, 1000]) == 1
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == -1
    assert rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)


@pytest.mark.parametrize("function", [slope, rank_correlation])
def test_what_has_no_value_is_said(function):
    with pytest.raises(ValueError, match="the same"):
        function([1, 1], [1, 2])
    with pytest.raises(ValueError, match="do not pair"):
        function([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="no jobs"):
        mean([])


def test_where_least():
    assert where_least([1.0, 2.0, 4.0], [3.0, 1.0, 2.0]) == 2.0
    with pytest.raises(ValueError, match="where_least: lists of 0 and 0 jobs"):
        where_least([], [])
