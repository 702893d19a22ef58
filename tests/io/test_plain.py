"""What may stand in a checkpoint."""

from __future__ import annotations

from collections import OrderedDict
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from lmlab.io.plain import NotPlainError, plain, tensors_in


def test_plain_values_stay_as_they_are() -> None:
    value = {"a": [1, 2.5, "x", None, True, b"y", (1, 2)], 3: {"b": {}}}
    assert plain(value) == value


def test_tensors_are_detached_and_ordered_dicts_become_dicts() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    found = plain(OrderedDict(weight=weight))
    assert type(found) is dict and not found["weight"].requires_grad
    assert found["weight"].data_ptr() == weight.data_ptr()


class Choice(IntEnum):
    A = 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.float64(1.0), r"checkpoint\['a'\]\[1\] is a numpy.float64"),
        (np.ones(2), "numpy.ndarray"),
        (Choice.A, "Choice"),
        (torch.nn.Linear(1, 1), "Linear"),
        (OmegaConf.create({"a": 1}), "omegaconf.dictconfig.DictConfig"),
        ({1, 2}, "builtins.set"),
        (torch.float32, "torch.dtype"),
        ({("x",): 1}, r"has a key of type tuple"),
    ],
)
def test_anything_else_is_refused_by_its_place(value: Any, message: str) -> None:
    with pytest.raises(NotPlainError, match=message):
        plain({"a": [0, value]})


def test_tensors_in_finds_all() -> None:
    one, two = torch.ones(1), torch.ones(2)
    assert list(tensors_in({"a": [one, (2, {"b": two})]})) == [one, two]
