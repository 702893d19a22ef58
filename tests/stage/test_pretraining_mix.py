"""Pretraining text beside the updates of a policy; its gradient is tested in test_ppo.py."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from lmlab.stage.pretraining_mix import PretrainingMix
from tests.stage.tiny import Stream
from tests.stage.tiny_policy import tiny_gpt


def mix(**changes) -> PretrainingMix:
    stream = Stream(2)

    class Numbered:
        def __getitem__(self, number):
            return SimpleNamespace(
                map=lambda _: SimpleNamespace(number=number, mask=torch.ones(1, dtype=torch.bool))
            )

    corpus = SimpleNamespace(train_batches=Numbered)
    keys = {"weight": 2.0, "schedule": "together", "micro": 4}
    return PretrainingMix(corpus, stream.objective, **(keys | changes))


def test_update_u_of_a_run_reads_batch_u():
    updates = [["a"], ["b"]]
    arch, device = tiny_gpt(), torch.device("cpu")
    together = mix().into(updates, arch, 3, device)  # type: ignore[arg-type]
    assert [terms[0] for terms in together] == ["a", "b"]
    assert [terms[1].batch.number for terms in together] == [6, 7]
    apart = mix(schedule="alternating").into(updates, arch, 3, device)  # type: ignore[arg-type]
    assert [len(terms) for terms in apart] == [1, 1, 1, 1]
    assert [apart[1][0].batch.number, apart[3][0].batch.number] == [6, 7]
    assert apart[1][0].weight == 2.0 and apart[1][0].micro == 4


def test_a_weight_of_0_is_refused():
    with pytest.raises(ValueError, match="stage.ptx_weight=0.0 must be above 0"):
        mix(weight=0.0)
