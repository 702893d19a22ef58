"""Llama beside transformers' Llama: the same numbers in both directions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.arch import llama as arch_llama
from lmlab.arch.gpt import GPT
from lmlab.arch.llama import Llama
from lmlab.io.hf import llama as names
from tests.io.hf import parity
from tests.io.hf.test_gpt2 import ARCH as GPT_ARCH

ARCH: dict[str, Any] = {
    "num_layers": 2,
    "width": 24,
    "num_heads": 4,
    "num_kv_heads": 2,
    "head_width": 6,
    "ff_width": 40,
    "max_seq_len": 64,
    "rope_base": 10000.0,
    "rope_factor": None,
    "rope_high_freq": None,
    "rope_low_freq": None,
    "rope_original_len": None,
    "norm_eps": 1e-5,
    "tied_embeddings": False,
}
LONG = {"rope_factor": 8.0, "rope_high_freq": 4.0, "rope_low_freq": 1.0, "rope_original_len": 16}
LLAMA_3_2 = ARCH | LONG | {"tied_embeddings": True, "rope_base": 500.0, "head_width": 8}
each = pytest.mark.parametrize("arch", [ARCH, LLAMA_3_2], ids=["llama2", "llama3.2"])


def model_of(arch: dict[str, Any]) -> Llama:
    torch.manual_seed(0)
    return parity.scattered(Llama(vocab_size=parity.VOCAB_SIZE, **arch))


@each
def test_what_we_write_gives_the_same_numbers_there(arch, tmp_path):
    transformers = pytest.importorskip("transformers")
    model = model_of(arch)
    folder = parity.exported(model, arch, names, tmp_path)
    twin = transformers.LlamaForCausalLM.from_pretrained(folder).eval()
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, arch, names)
    parity.same_greedy_tokens(model, twin)


@each
def test_what_is_published_gives_the_same_numbers_here(arch):
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(**names.hf_config(arch, parity.VOCAB_SIZE))
    twin = parity.scattered(transformers.LlamaForCausalLM(config))
    read = names.arch_config(twin.config.to_dict())
    model = Llama(vocab_size=parity.VOCAB_SIZE, **read).eval()
    model.load_state_dict(names.from_hf(twin.state_dict(), read))
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, read, names)
    parity.same_greedy_tokens(model, twin)


@each
def test_round_trips_are_bitwise(arch):
    model = model_of(arch)
    theirs = names.to_hf(model.state_dict(), arch)
    parity.same_tensors(names.from_hf(theirs, arch), dict(model.state_dict()))
    parity.same_tensors(names.to_hf(names.from_hf(theirs, arch), arch), theirs)


@each
def test_the_configuration_comes_back(arch):
    assert names.arch_config(names.hf_config(arch, 53)) == arch
    nulls = arch | {"num_kv_heads": None, "ff_width": None, "head_width": None}
    filled = arch | {"num_kv_heads": 4, "ff_width": 256, "head_width": 6}
    assert names.arch_config(names.hf_config(nulls, 53)) == filled


def test_a_width_that_is_not_given_is_the_architectures():
    for width in (24, 128, 384, 4096):
        assert names.feed_forward_width(width) == arch_llama.feed_forward_width(width)


def test_a_gpt_of_llamas_parts_is_written_as_one(tmp_path):
    transformers = pytest.importorskip("transformers")
    arch = GPT_ARCH | {"norm": "rms", "position": "rotary", "feed_forward": "swiglu", "bias": False}
    torch.manual_seed(0)
    model = parity.scattered(GPT(vocab_size=parity.VOCAB_SIZE, **arch))
    as_llama = names.of_gpt(arch)
    assert as_llama is not None
    folder = parity.exported(model, as_llama, names, tmp_path)
    twin = transformers.LlamaForCausalLM.from_pretrained(folder).eval()
    parity.same_logits(model, twin)
    assert names.of_gpt(GPT_ARCH) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attention_bias": True}, "attention_bias=True; arch=llama has False"),
        ({"hidden_act": "gelu"}, "hidden_act=gelu"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}, "rope_type=yarn"),
    ],
)
def test_other_variants_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        names.arch_config(names.hf_config(ARCH, 53) | change)


def test_missing_and_unknown_weights_are_named():
    theirs = names.to_hf(model_of(ARCH).state_dict(), ARCH)
    with pytest.raises(ValueError, match=r"q_proj\.bias"):
        names.from_hf(theirs | {"model.layers.0.self_attn.q_proj.bias": torch.zeros(1)}, ARCH)
    names.from_hf(theirs | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(3)}, ARCH)
    del theirs["lm_head.weight"]
    with pytest.raises(ValueError, match=r"lack lm_head\.weight"):
        names.from_hf(theirs, ARCH)
