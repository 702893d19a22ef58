"""A node that stands there by default may stand there for nothing, but not be typed for nothing."""

from __future__ import annotations

import pytest

from lmlab.check import check_composed
from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.place import find_places


def check(*overrides: str) -> None:
    composer = Composer(find_places())
    check_composed(composer.compose(list(overrides)), composer.places)


PPO = ("stage=ppo", "tokenizer=bytes")


@pytest.mark.parametrize("variant", ["v0", "kl"])
@pytest.mark.parametrize(
    "typed", ["data@stage.pretraining=grammar", "stage.pretraining.validation_sequences=7"]
)
def test_text_for_ppo_that_another_variant_does_not_read(typed, variant):
    words = f"^{typed}: has no effect with stage.variant={variant}, only with stage.variant=ptx$"
    with pytest.raises(ConfigError, match=words):
        check(*PPO, f"stage.variant={variant}", typed)
    check(*PPO, "stage.variant=ptx", typed)
    check(*PPO, f"stage.variant={variant}")


@pytest.mark.parametrize("other", ["stage.variant=v0", "stage.kl_in=advantage"])
def test_a_discount_that_no_advantage_has(other):
    with pytest.raises(ConfigError, match=r"stage.discount=0.9: has no effect with"):
        check(*PPO, "stage.discount=0.9", other)
    check(*PPO, "stage.discount=0.9")


@pytest.mark.parametrize("setting", ["data.loss=all", "data.prefix_attention=true"])
def test_what_an_encoder_decoder_does_not_read_of_conversations(setting):
    with pytest.raises(
        ConfigError, match=f"{setting}: has no effect on .* that is encoder_decoder"
    ):
        check("stage=sft", "arch=t5_tiny", "tokenizer=bytes", setting)
    check("stage=sft", "arch=gpt_tiny", "tokenizer=bytes", setting)


def test_stages_leave_the_tokenizer_to_the_user():
    stages = ("hedging", "ppo", "grpo", "dpo", "rm", "sft", "best_of_n", "generate")
    for stage in stages:
        check(f"stage={stage}", "tokenizer=bytes")
