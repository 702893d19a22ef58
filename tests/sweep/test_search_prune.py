from __future__ import annotations

import math

from lmlab.sweep.search_prune import stop_halving, stop_median

FINISHED = [[3.0, 2.0], [4.0, 3.0], [5.0, 4.0], [6.0, 5.0]]  # medians 4.5, 3.5


def test_median_by_hand():
    assert stop_median([4.4], FINISHED) is None
    assert stop_median([4.6], FINISHED) == (
        "best value 4.6 after 1 validation, median of 4 trials 4.5"
    )
    assert stop_median([4.6, 3.4], FINISHED) is None
    assert stop_median([3.4, 9.0], FINISHED) is None  # the best so far counts
    assert stop_median([math.nan], FINISHED) is not None


def test_median_waits_for_four_trials_that_came_as_far():
    assert stop_median([9.0], FINISHED[:3]) is None
    assert stop_median([9.0, 9.0, 9.0], FINISHED) is None
    assert stop_median([], FINISHED) is None


def test_halving_by_hand():
    others = [[float(n)] * 4 for n in range(1, 6)]
    assert stop_halving([1.5], others) is None  # second of six: two go on
    assert stop_halving([2.5], others) == "rank 3 of 6 after 1 validation, the best 2 go on"
    assert stop_halving([9.0, 9.0], others) is None  # no rung at 2
    assert stop_halving([9.0] * 3, others) is not None


def test_halving_waits_for_others():
    assert stop_halving([9.0], [[1.0], [2.0]]) is None
    assert stop_halving([9.0] * 3, [[1.0]] * 9) is None
