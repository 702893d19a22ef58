"""Rewards with models in them, and text beside a stage's own data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from lmlab.batch import Vocab
from lmlab.beside import build_corpus, make_reward
from lmlab.rollout.model_reward import ModelReward
from tests.conftest import ROOT
from tests.rollout.test_model_reward import opened
from tests.stage.tiny_policy import Digits

MODEL = {"_target_": "lmlab.rollout.model_reward.ModelReward", "_partial_": True, "run": "r"}
LENGTH = {"_target_": "lmlab.rollout.text_reward.Length", "target": 3, "unit": "words"}


def test_models_are_opened_alone_and_inside_a_sum():
    def make(node):
        return make_reward(node, Digits(), lambda _: opened())

    assert make(None) is None and isinstance(make(MODEL), ModelReward)
    parts = {"a": {"reward": MODEL, "weight": 1.0}, "b": {"reward": LENGTH, "weight": 0.5}}
    found = make({"_target_": "lmlab.rollout.reward.WeightedSum", "rewards": parts})
    assert isinstance(found.rewards["a"]["reward"], ModelReward)
    assert found.rewards["b"]["reward"].target == 3


class Text:
    """A data module that remembers what it was given."""

    def __init__(self, *, seq_len, tokenizer, window, collate, step_sequences, seed, cache_dir):
        self.given = (seq_len, window.length, step_sequences, seed)
        self.cache_dir: Path = cache_dir

    def prepare(self) -> None:
        self.is_prepared = True


def test_a_table_of_rewards_is_no_sum_of_rewards():
    node = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "reward" / "hedging.yaml"))
    made = make_reward(node, Digits(), None)  # type: ignore[arg-type]
    assert made.rewards["unhedged", False] == -4.0


def test_text_is_made_for_the_same_processes_and_seed():
    beside = SimpleNamespace(world_size=2, rank=1, seed=5)
    tokenizer = SimpleNamespace(vocab=Vocab(size=12, eos=11))
    make = partial(Text, seq_len=8)
    arch = SimpleNamespace(kind="decoder")
    data, objective = build_corpus(make, 3, tokenizer=tokenizer, arch=arch, beside=beside)
    assert data.is_prepared and data.given == (8, 9, 4, 5) and objective.z_loss == 0
    arch = SimpleNamespace(kind="encoder_decoder")
    with pytest.raises(ValueError, match="stage.variant=ptx .* needs a decoder.*variant=kl"):
        build_corpus(make, 3, tokenizer=tokenizer, arch=arch, beside=beside)
