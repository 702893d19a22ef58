from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.stage.answer_table import plain_sampling
from lmlab.stage.asking import Asking
from tests.stage.tiny_policy import Digits, Questions, tiny_gpt


def asking(**changes: int) -> Asking:
    keys: dict[str, Any] = {"num_prompts": 7, "num_samples": 3, "prompts_at_once": 4} | changes
    return Asking(
        arch=tiny_gpt(),
        tokenizer=Digits(),
        data=Questions(4),
        sampling=plain_sampling(1, 1.0),
        **keys,
    )


@pytest.mark.parametrize(
    ("asked", "sizes"), [(7, [4, 3]), (4, [4]), (1, [1]), (10, [4, 4, 2]), (99, [4, 4, 2])]
)
def test_as_many_held_out_prompts_as_asked_for_or_there_are(asked, sizes):
    parts = list(asking(num_prompts=asked).held_out(torch.device("cpu")))
    assert [len(part.index) for part in parts] == sizes
    numbers = torch.cat([part.index for part in parts])
    assert torch.equal(numbers, Questions(4).validation_batches()[0].index[: sum(sizes)])


@pytest.mark.parametrize("name", ["num_prompts", "num_samples", "prompts_at_once"])
def test_a_count_below_one_is_named(name):
    with pytest.raises(ValueError, match=f"stage.{name}=0 must be 1 or more"):
        asking(**{name: 0})
