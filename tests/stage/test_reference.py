"""The policy that another is kept near to: a copy, a run, or the policy without its adapters."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from lmlab.arch.layer.lora import add_lora, without_lora
from lmlab.stage.reference import adapt, make_reference
from tests.stage.tiny_policy import Digits, tiny_gpt

TOKENS = torch.tensor([[11, 1, 2]])


def test_a_copy_stays_where_the_policy_started():
    policy = tiny_gpt()
    before = policy(TOKENS)
    reference = make_reference(None, policy, Digits(), None, without_lora, adapted=False)
    with torch.no_grad():
        next(policy.parameters()).add_(1.0)
    with reference.of(policy) as model:
        assert torch.equal(model(TOKENS), before)
    assert not any(parameter.requires_grad for parameter in reference.parameters())


def test_without_its_adapters_the_policy_is_its_own_reference():
    policy = tiny_gpt()
    before = policy(TOKENS)
    assert adapt(policy, 2, None, None, add_lora)
    for name, parameter in policy.named_parameters():
        if "lora_out" in name:
            torch.nn.init.ones_(parameter)
    reference = make_reference(None, policy, Digits(), None, without_lora, adapted=True)
    assert reference.state_dict() == {}
    with reference.of(policy) as model:
        torch.testing.assert_close(model(TOKENS), before)
    assert not torch.allclose(policy(TOKENS), before)


def test_a_run_is_opened_and_its_tokenizer_checked():
    opened = SimpleNamespace(arch=tiny_gpt(width=8), tokenizer=Digits())
    made = make_reference("r", tiny_gpt(), Digits(), lambda _: opened, without_lora, adapted=True)
    assert made.model is opened.arch
    other = SimpleNamespace(fingerprint="x", vocab=Digits.vocab)
    with pytest.raises(
        ValueError, match="stage.reference=r: it was trained with another tokenizer"
    ):
        make_reference("r", tiny_gpt(), other, lambda _: opened, without_lora, adapted=False)


def test_adapter_settings_without_effect_are_refused():
    with pytest.raises(ValueError, match="no effect with stage.lora_rank=null"):
        adapt(tiny_gpt(), None, 4.0, None, add_lora)
    with pytest.raises(ValueError, match="stage.lora_rank=0 must be 1 or more"):
        adapt(tiny_gpt(), 0, None, None, add_lora)
