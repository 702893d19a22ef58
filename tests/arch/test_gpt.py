"""GPT: published sizes, the first loss, causality, packing and incremental decoding."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
import yaml
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lmlab.arch.gpt import GPT
from lmlab.batch import Example
from lmlab.objective.clm import CausalLanguageModelling
from tests.conftest import ROOT, small_gpt

GPT3_TABLE = {  # row S3-51: parameters in billions, learning rate, batch in tokens
    "gpt_small": (0.125, 6.0e-4, 500_000),
    "gpt_medium": (0.350, 3.0e-4, 500_000),
    "gpt_large": (0.760, 2.5e-4, 500_000),
    "gpt_xl": (1.3, 2.0e-4, 1_000_000),
    "gpt_2b7": (2.7, 1.6e-4, 1_000_000),
    "gpt_6b7": (6.7, 1.2e-4, 2_000_000),
    "gpt_13b": (13.0, 1.0e-4, 2_000_000),
    "gpt_175b": (175.0, 0.6e-4, 3_200_000),
}


def option(name: str) -> dict[str, object]:
    """A YAML option of the arch group, merged over its family's base."""
    node = yaml.safe_load((ROOT / f"conf/arch/{name}.yaml").read_text())
    for base in node.pop("defaults", []):
        if base != "_self_":
            node = option(base) | node
    return node


def on_meta(name: str, vocab_size: int = 50257) -> GPT:
    keys = {k: v for k, v in option(name).items() if not k.startswith("_") and k != "recipe"}
    with torch.device("meta"):
        return GPT(vocab_size=vocab_size, **keys)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", GPT3_TABLE)
def test_gpt3_table(name):
    billions, learning_rate, batch_tokens = GPT3_TABLE[name]
    total = sum(p.numel() for p in on_meta(name).parameters())
    assert abs(total / 1e9 / billions - 1) < 0.025
    recipe = option(name)["recipe"]
    assert recipe["learning_rate"] == pytest.approx(learning_rate)  # type: ignore[index]
    assert recipe["batch_tokens"] == batch_tokens  # type: ignore[index]
    assert recipe["tokens"] == 300_000_000_000  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("gpt1", 116.8),
        ("gpt2_small", 124.4),
        ("gpt2_medium", 354.8),
        ("gpt2_large", 774.0),
        ("gpt2_xl", 1557.6),
    ],
)
def test_gpt1_and_gpt2_sizes(name, millions):
    """GPT-1: 117M (S3-36) at a vocabulary of 40,478; GPT-2 as released."""
    model = on_meta(name, 40478 if name == "gpt1" else 50257)
    assert abs(sum(p.numel() for p in model.parameters()) / 1e6 / millions - 1) < 0.005


@pytest.mark.parametrize(
    ("name", "millions"),
    [("gpt_8k", 0.008), ("gpt_1m", 1), ("gpt_3m", 3), ("gpt_10m", 10), ("gpt_30m", 30)],
)
def test_the_ladder_by_parameters_without_embeddings(name, millions):
    model = on_meta(name)
    inner = sum(p.numel() for p in model.parameters()) - model.num_embedding_params()
    assert abs(inner / 1e6 / millions - 1) < 0.1


CHOICES = {
    "norm": ["layer", "rms"],
    "position": ["learned", "sinusoidal", "rotary", "none"],
    "feed_forward": ["gelu", "swiglu"],
    "num_kv_heads": [None, 2],
    "tied_embeddings": [True, False],
}
EVERY = [dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())]


@pytest.mark.parametrize("changes", EVERY[::3], ids=lambda c: "-".join(map(str, c.values())))
def test_output_at_t_ignores_what_comes_after(changes):
    model = small_gpt(**changes).eval()
    tokens = torch.randint(61, (2, 12))
    other = tokens.clone()
    other[:, 7:] = torch.randint(61, (2, 5))
    torch.testing.assert_close(model(tokens)[:, :7], model(other)[:, :7], atol=1e-6, rtol=0)


@pytest.mark.parametrize("changes", EVERY[1::5], ids=lambda c: "-".join(map(str, c.values())))
def test_cache_equals_full_recomputation_for_64_steps(changes):
    model = small_gpt(**changes).eval()
    tokens = torch.randint(61, (2, 64))
    cache = model.new_cache(2, 64)
    with torch.no_grad():
        parts = [model(tokens[:, :10], cache=cache)]
        parts += [model(tokens[:, t : t + 1], cache=cache) for t in range(10, 64)]
        torch.testing.assert_close(torch.cat(parts, 1), model(tokens), atol=1e-5, rtol=0)


@pytest.mark.parametrize("width", [32, 128, 384, 768])
@pytest.mark.parametrize("tied", [True, False])
def test_first_loss_is_ln_v(width, tied):
    model = small_gpt(width=width, vocab_size=4096, tied_embeddings=tied)
    tokens = torch.randint(4096, (4, 65))
    logits = model.unembed(model(tokens[:, :-1]))
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    assert abs(float(loss.detach()) - math.log(4096)) < 0.1


@pytest.mark.parametrize("position", CHOICES["position"])
def test_packed_logits_equal_unpacked_ones(position, vocab):
    model = small_gpt(position=position).eval()
    documents = [np.array([60, *np.random.default_rng(i).integers(0, 60, 4 + i)]) for i in range(3)]
    stream = np.concatenate([*documents, [60]])
    batch = CausalLanguageModelling(vocab=vocab, z_loss=0.0).collate(
        [Example(stream, len(stream))], np.zeros(1, np.uint64), False
    )
    packed = model.unembed(model(*batch.inputs))[0]
    alone = [model.unembed(model(torch.as_tensor(d)[None]))[0] for d in documents]
    torch.testing.assert_close(packed, torch.cat(alone), atol=1e-5, rtol=0)


def test_flops_a_token_agree_with_torchs_counter():
    model = small_gpt()
    tokens = torch.randint(61, (2, 64))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.unembed(model(tokens)).sum().backward()
    counted = counter.get_total_flops() / tokens.numel()
    masked_half = 6 * 2 * 32 * 64  # the plain kernel computes what the mask then hides
    assert counted == model.flops_per_sequence(0, 64, 64) / 64 + masked_half


def test_tied_embeddings_count_once_and_untied_twice():
    tied, untied = small_gpt(), small_gpt(tied_embeddings=False)
    assert tied.num_embedding_params() == 61 * 32 + 64 * 32
    assert untied.num_embedding_params() == 2 * 61 * 32 + 64 * 32


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 30}, "arch.width=30 is not a multiple of arch.num_heads=4"),
        ({"num_kv_heads": 3}, "arch.num_heads=4 is not a multiple of arch.num_kv_heads=3"),
        ({"width": 12, "position": "rotary"}, "even head width"),
    ],
)
def test_sizes_that_do_not_divide_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        small_gpt(**changes)


def test_a_sequence_beyond_the_longest_is_refused():
    with pytest.raises(ValueError, match="arch.max_seq_len=64"):
        small_gpt()(torch.zeros(1, 65, dtype=torch.long))
