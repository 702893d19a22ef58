"""GPT beside transformers' GPT-2: the same numbers in both directions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.arch.gpt import GPT
from lmlab.io.hf import gpt2 as names
from tests.io.hf import parity

ARCH: dict[str, Any] = {
    "num_layers": 2,
    "width": 24,
    "num_heads": 3,
    "num_kv_heads": 3,
    "ff_width": 40,
    "max_seq_len": 64,
    "norm": "layer",
    "position": "learned",
    "rope_base": None,
    "feed_forward": "gelu",
    "tied_embeddings": True,
    "bias": True,
    "dropout": 0.0,
}
UNTIED = ARCH | {"tied_embeddings": False}
both = pytest.mark.parametrize("arch", [ARCH, UNTIED], ids=["tied", "untied"])


def model_of(arch: dict[str, Any]) -> GPT:
    torch.manual_seed(0)
    return parity.scattered(GPT(vocab_size=parity.VOCAB_SIZE, **arch))


@both
def test_what_we_write_gives_the_same_numbers_there(arch, tmp_path):
    transformers = pytest.importorskip("transformers")
    model = model_of(arch)
    folder = parity.exported(model, arch, names, tmp_path)
    twin = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, arch, names)
    parity.same_greedy_tokens(model, twin)


def test_what_is_published_gives_the_same_numbers_here():
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(**names.hf_config(ARCH, parity.VOCAB_SIZE))
    twin = parity.scattered(transformers.GPT2LMHeadModel(config))
    read = names.arch_config(twin.config.to_dict())
    model = GPT(vocab_size=parity.VOCAB_SIZE, **read).eval()
    model.load_state_dict(names.from_hf(twin.state_dict(), read))
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, read, names)
    parity.same_greedy_tokens(model, twin)


@both
def test_round_trips_are_bitwise(arch):
    model = model_of(arch)
    theirs = names.to_hf(model.state_dict(), arch)
    parity.same_tensors(names.from_hf(theirs, arch), dict(model.state_dict()))
    parity.same_tensors(names.to_hf(names.from_hf(theirs, arch), arch), theirs)


@both
def test_the_configuration_comes_back(arch):
    assert names.arch_config(names.hf_config(arch, 53)) == arch
    nulls = arch | {"num_kv_heads": None, "ff_width": None}
    assert names.arch_config(names.hf_config(nulls, 53)) == arch | {"ff_width": 96}


def test_matrices_by_hand():
    """GPT-2 keeps matrices as (in, out), and queries, keys and values side by side."""
    model = model_of(ARCH)
    theirs = names.to_hf(model.state_dict(), ARCH)
    fused = theirs["transformer.h.1.attn.c_attn.weight"]
    assert fused.shape == (24, 72)
    key = model.blocks[1].attention.key.weight
    assert torch.equal(fused[:, 24:48], key.T)
    assert torch.equal(
        theirs["transformer.h.0.mlp.c_fc.weight"], model.blocks[0].feed_forward.up.weight.T
    )
    assert "lm_head.weight" not in theirs


def test_early_releases_without_prefix_and_with_masks():
    model = model_of(ARCH)
    theirs = names.to_hf(model.state_dict(), ARCH)
    early = {name.removeprefix("transformer."): weight for name, weight in theirs.items()}
    early |= {"h.0.attn.bias": torch.ones(1, 1, 64, 64), "h.0.attn.masked_bias": torch.ones(())}
    parity.same_tensors(names.from_hf(early, ARCH), dict(model.state_dict()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation_function": "relu"}, "activation_function=relu; arch=gpt has gelu_new"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon=1e-06"),
    ],
)
def test_other_variants_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        names.arch_config(names.hf_config(ARCH, 53) | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"norm": "rms"}, "arch.norm=rms"),
        ({"position": "sinusoidal", "bias": False}, "arch.position=sinusoidal, arch.bias=False"),
        ({"num_kv_heads": 1}, "arch.num_kv_heads=1"),
    ],
)
def test_what_gpt2_cannot_be_is_named(change, words):
    with pytest.raises(ValueError, match=words):
        names.hf_config(ARCH | change, 53)


def test_missing_and_unknown_weights_are_named():
    theirs = names.to_hf(model_of(ARCH).state_dict(), ARCH)
    with pytest.raises(ValueError, match=r"cross\.weight"):
        names.from_hf(theirs | {"transformer.cross.weight": torch.zeros(1)}, ARCH)
    del theirs["transformer.h.1.attn.c_attn.bias"]
    with pytest.raises(ValueError, match=r"lack h\.1\.attn\.c_attn\.bias"):
        names.from_hf(theirs, ARCH)
