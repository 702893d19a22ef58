from __future__ import annotations

import numpy as np
import pytest

from tests.objective.slide import BIG, VOCAB, examples, ids, make, pairs, seeds, words
from tests.objective.spans import restore_spans

REGULAR, EXTREME, SEQUENTIAL = BIG.sentinels[-1], BIG.sentinels[-2], BIG.sentinels[-3]


def only(mode: str, **changes):
    weights = {"regular": 0.0, "extreme": 0.0, "sequential": 0.0} | {mode: 1.0}
    return make("ul2", weights=weights, **changes)


def test_a_row_begins_with_its_mode():
    """Two tokens leave one way only to hide one."""
    from lmlab.batch import Example

    window = [Example(ids("Thank you")[0], 2)]
    changes = {"vocab": VOCAB, "random_roll": False}
    found = {}
    for mode in ("regular", "extreme", "sequential"):
        ((source, target),) = pairs(only(mode, **changes), window)
        found[mode] = (words(source), words(target))
    assert found == {
        "regular": ("[R] Thank <X>", "<X> you <Y>"),
        "extreme": ("[X] Thank <X>", "<X> you <Y>"),
        "sequential": ("[S] Thank", "you"),
    }


@pytest.mark.parametrize("num_real", [120, 33, 1])
def test_the_original_is_restored_and_the_count_is_the_modes(num_real):
    windows = examples(60, 120, num_real)
    modes = set()
    for window, (source, target) in zip(windows, pairs(make("ul2"), windows), strict=True):
        mode, rest = source[0], source[1:]
        modes.add(mode)
        spans = mode != SEQUENTIAL
        restored = restore_spans(rest, target, BIG.sentinels[:-3]) if spans else rest + target
        assert restored == window.tokens[:num_real].tolist()
        if spans:
            rate = 0.15 if mode == REGULAR else 0.5
            hidden = [token for token in target if token not in BIG.sentinels]
            assert len(hidden) == min(max(1, round(rate * num_real)), num_real - 1)
    assert modes == {REGULAR, EXTREME, SEQUENTIAL}


def test_modes_are_drawn_by_their_weights():
    objective = make("ul2", weights={"regular": 1, "extreme": 2, "sequential": 5})
    share = np.bincount(objective.modes(seeds(20000)), minlength=3) / 20000
    assert share == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.015)


def test_one_mode_alone_is_as_narrow_as_it_can_be():
    assert only("regular").lengths(128).target < only("sequential").lengths(128).target


def test_weights_that_are_none_are_refused():
    for weights in ({"regular": 0.0}, {"regular": -1.0, "extreme": 2.0}, {"r": 1.0}):
        with pytest.raises(ValueError, match="objective.weights=.*regular, extreme, sequential"):
            make("ul2", weights=weights)
