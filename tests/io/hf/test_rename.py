from __future__ import annotations

import pytest
import torch

from lmlab.io.hf.rename import inverted, listed, refuse_others, renamed


def test_renamed_by_hand():
    one, two = torch.ones(1), torch.zeros(2)
    found = renamed({"a": one, "b": two}, {"x": "a", "y": "a"})
    assert found == {"x": one, "y": one}


def test_missing_names_are_listed():
    with pytest.raises(ValueError, match="the weights lack a, b"):
        renamed({}, {"x": "a", "y": "b", "z": "a"})


def test_of_several_new_names_the_first_is_kept():
    assert inverted({"x": "a", "y": "a", "z": "b"}) == {"a": "x", "b": "z"}


def test_unknown_names_are_refused():
    refuse_others({"a": torch.ones(1)}, {"a", "b"})
    with pytest.raises(ValueError, match="does not: c"):
        refuse_others({"a": torch.ones(1), "c": torch.ones(1)}, {"a"})


def test_long_lists_are_cut():
    assert listed(list("abcdef")) == "a, b, c, d and 2 more"
