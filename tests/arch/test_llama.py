"""Llama: the first loss, causality, packing, incremental decoding, long sequences, arithmetic."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lmlab.arch.llama import Llama, feed_forward_width

LONG = {
    "rope_factor": 8.0,
    "rope_high_freq": 4.0,
    "rope_low_freq": 1.0,
    "rope_original_len": 16,
}
SHAPES: dict[str, dict[str, Any]] = {
    "grouped": {},
    "llama 2": {"num_kv_heads": None},
    "llama 3.2": LONG | {"tied_embeddings": True, "rope_base": 500000.0},
    "wide heads": {"head_width": 12, "num_kv_heads": 1},
}
each = pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)


def small(**changes: Any) -> Llama:
    """A Llama of a few thousand parameters, the same weights every time."""
    torch.manual_seed(0)
    keys: dict[str, Any] = {
        "vocab_size": 61,
        "num_layers": 2,
        "width": 32,
        "num_heads": 4,
        "num_kv_heads": 2,
        "head_width": None,
        "ff_width": 48,
        "max_seq_len": 64,
        "rope_base": 10000.0,
        "rope_factor": None,
        "rope_high_freq": None,
        "rope_low_freq": None,
        "rope_original_len": None,
        "norm_eps": 1e-5,
        "tied_embeddings": False,
    }
    return Llama(**(keys | changes))


@each
def test_output_at_t_ignores_what_comes_after(changes):
    model = small(**changes).eval()
    tokens = torch.randint(61, (2, 12))
    other = tokens.clone()
    other[:, 7:] = torch.randint(61, (2, 5))
    torch.testing.assert_close(model(tokens)[:, :7], model(other)[:, :7], atol=1e-6, rtol=0)


@each
@torch.no_grad()
def test_cache_equals_full_recomputation_for_64_steps(changes):
    model = small(**changes).eval()
    tokens = torch.randint(61, (2, 64))
    cache = model.new_cache(2, 64)
    parts = [model(tokens[:, :10], cache=cache)]
    parts += [model(tokens[:, t : t + 1], cache=cache) for t in range(10, 64)]
    torch.testing.assert_close(torch.cat(parts, 1), model(tokens), atol=1e-5, rtol=0)


@each
def test_packed_documents_equal_those_alone(changes):
    model = small(**changes).eval()
    tokens = torch.randint(61, (1, 13))
    documents = torch.tensor([[0] * 6 + [1] * 7])
    positions = torch.tensor([[*range(6), *range(7)]])
    packed = model(tokens, positions, documents)[0]
    alone = [model(tokens[:, :6])[0], model(tokens[:, 6:])[0]]
    torch.testing.assert_close(packed, torch.cat(alone), atol=1e-5, rtol=0)


def test_a_prefix_is_seen_by_all_of_it():
    model = small().eval()
    tokens = torch.randint(61, (1, 9))
    other = tokens.clone()
    other[0, 3] = (tokens[0, 3] + 1) % 61
    prefix = torch.arange(9)[None] < 4
    changed = (model(tokens, prefix=prefix) - model(other, prefix=prefix))[0].abs().amax(-1)
    assert (changed > 1e-7).all()
    causal = (model(tokens) - model(other))[0].abs().amax(-1)
    assert (causal[:3] == 0).all()


@pytest.mark.parametrize("width", [32, 128, 384, 768])
@pytest.mark.parametrize("tied", [True, False])
def test_first_loss_is_ln_v(width, tied):
    model = small(width=width, vocab_size=4096, tied_embeddings=tied)
    tokens = torch.randint(4096, (4, 65))
    logits = model.unembed(model(tokens[:, :-1]))
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    assert abs(float(loss.detach()) - math.log(4096)) < 0.1


@each
def test_arithmetic_agrees_with_torchs_counter(changes):
    model = small(**changes)
    tokens = torch.randint(61, (2, 64))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.unembed(model(tokens)[:, :10]).sum().backward()
    inner = model.num_heads * model.head_width
    masked_half = 6 * 2 * inner * 64 * 64  # the plain kernel computes what the mask then hides
    assert counter.get_total_flops() == 2 * (model.flops_per_sequence(0, 64, 10) + masked_half)


def test_no_biases_and_untied_embeddings_count_twice():
    assert not [name for name, _ in small().named_parameters() if name.endswith("bias")]
    assert small().num_embedding_params() == 2 * 61 * 32
    assert small(tied_embeddings=True).num_embedding_params() == 61 * 32


def test_the_feed_forward_width_that_is_not_given():
    assert feed_forward_width(4096) == 11008  # Llama 7B
    assert feed_forward_width(5120) == 13824  # Llama 13B
    gate = small(width=4096 // 32, ff_width=None).blocks[0].feed_forward.gate
    assert gate.weight.shape == (512, 128)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 30}, "arch.width=30 is not a multiple of arch.num_heads=4"),
        ({"num_kv_heads": 3}, "arch.num_heads=4 is not a multiple of arch.num_kv_heads=3"),
        ({"head_width": 7}, "even head width, not 7"),
        ({"rope_factor": 8.0}, "set arch.rope_low_freq, arch.rope_high_freq, arch.rope_original"),
        (LONG | {"rope_low_freq": 4.0}, "arch.rope_low_freq=4.0 must be above 0"),
    ],
)
def test_sizes_that_will_not_do_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        small(**changes)


def test_a_sequence_beyond_the_longest_is_refused():
    with pytest.raises(ValueError, match="arch.max_seq_len=64"):
        small()(torch.zeros(1, 65, dtype=torch.long))
