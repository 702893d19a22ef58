"""The coordinate check: how far activations move in a few steps, over the width."""

from __future__ import annotations

import math

import pytest
import torch

from lmlab import mup
from lmlab.arch.llama import Llama
from lmlab.optim import AdamW, Muon
from tests.conftest import small_gpt
from tests.test_optim import KEYS, MUON

WIDTHS = (64, 128, 256, 512)


def gpt(width: int, **changes: object) -> torch.nn.Module:
    return small_gpt(width=width, num_heads=2, max_seq_len=16, **changes)


def llama(width: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return Llama(
        vocab_size=61, num_layers=2, width=width, num_heads=2, num_kv_heads=1, head_width=None,
        ff_width=3 * width, max_seq_len=16, rope_base=1e4, rope_factor=None, rope_low_freq=None,
        rope_high_freq=None, rope_original_len=None, norm_eps=1e-5, tied_embeddings=False,
    )  # fmt: skip


def movement(arch: torch.nn.Module, optim: AdamW, steps: int = 4) -> dict[str, float]:
    """Root mean square change of the last block's outputs and of the logits after Adam's steps."""
    optim.initialize(arch)
    optimizers = optim.build(arch)
    tokens = torch.randint(61, (8, 17), generator=torch.Generator().manual_seed(1))
    kept: list[torch.Tensor] = []
    hook = arch.blocks[-1].register_forward_hook(lambda m, i, out: kept.append(out.detach()))
    first: list[torch.Tensor] = []
    for step in range(steps + 1):
        logits = arch.unembed(arch(tokens[:, :-1]))
        if step == 0:
            first = [kept[-1], logits.detach()]
        if step < steps:
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
    hook.remove()
    pairs = zip(("hidden", "logits"), first, [kept[-1], logits.detach()], strict=True)
    return {name: float((after - before).square().mean().sqrt()) for name, before, after in pairs}


def growth(make, optim: AdamW) -> dict[str, float]:
    """Slope of log movement over log width: 0 is flat, 0.5 the root of the width."""
    moved = [movement(make(width), optim) for width in WIDTHS]
    logs = [math.log(width) for width in WIDTHS]
    middle = sum(logs) / len(logs)
    return {
        name: sum((x - middle) * math.log(m[name]) for x, m in zip(logs, moved, strict=True))
        / sum((x - middle) ** 2 for x in logs)
        for name in moved[0]
    }


@pytest.mark.parametrize("make", [gpt, llama, lambda w: gpt(w, tied_embeddings=False)])
def test_activations_move_as_far_at_every_width(make):
    grown = growth(make, AdamW(**(KEYS | {"learning_rate": 3e-3, "mup_base_width": 64})))
    assert all(abs(slope) < 0.2 for slope in grown.values()), grown


def test_without_it_they_move_further_the_wider():
    grown = growth(gpt, AdamW(**(KEYS | {"learning_rate": 3e-3})))
    assert grown["hidden"] > 1.0 and grown["logits"] > 0.4, grown


def test_muon_keeps_its_movement_too():
    keys = MUON | {"learning_rate": 3e-3, "muon_learning_rate": 3e-3}
    assert growth(gpt, Muon(**keys))["hidden"] > 0.5
    assert all(abs(s) < 0.2 for s in growth(gpt, Muon(**(keys | {"mup_base_width": 64}))).values())


def test_four_times_the_width_by_hand():
    arch = gpt(128)  # heads of 64: sqrt(32 / 64) in the query
    before = {name: p.detach().clone() for name, p in arch.named_parameters()}
    optim = AdamW(**(KEYS | {"learning_rate": 1.0, "mup_base_width": 32}))
    optim.initialize(arch)
    (optimizer,) = optim.build(arch)
    rates = {id(p): (g["peak_lr"], g["weight_decay"]) for g in optimizer.param_groups
             for p in g["params"]}  # fmt: skip
    want = {
        "blocks.0.feed_forward.up.weight": (1 / 2, 1 / 4, 0.4),
        "blocks.1.attention.output.weight": (1 / 2, 1 / 4, 0.4),
        "blocks.0.attention.query.weight": (0.5**0.5 / 2, 0.5**0.5 / 4, 0.4 / 0.5**0.5),
        "blocks.0.attention_norm.weight": (1.0, 1.0, 0.0),
        "final_norm.weight": (1 / 4, 1 / 4, 0.0),
        "position_embedding.weight": (1.0, 1.0, 0.1),
        "token_embedding.weight": (0.02 / min(0.02, 0.25 / 128**0.5), 1.0, 0.1),
    }
    for name, (start, rate, decay) in want.items():
        now = arch.get_parameter(name)
        torch.testing.assert_close(now.detach(), before[name] * start)
        assert rates[id(now)] == pytest.approx((rate, decay)), name
    assert optimizer.param_groups[0]["peak_lr"] == 1.0  # the rate that is logged


def test_at_the_base_width_nothing_changes():
    arch = small_gpt(width=64, num_heads=2)
    before = [p.detach().clone() for p in arch.parameters()]
    mup.rescale(arch, 64)
    assert all(torch.equal(a, b) for a, b in zip(before, arch.parameters(), strict=True))
    (optimizer,) = AdamW(**(KEYS | {"mup_base_width": 64})).build(arch)
    assert [g["peak_lr"] for g in optimizer.param_groups] == [1e-2, 1e-2]


def test_an_architecture_that_has_it_not_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="mup_base_width=64: only GPT and Llama"):
        mup.rescale(torch.nn.Linear(2, 2), 64)
    with pytest.raises(ValueError, match="optim.mup_base_width=0"):
        AdamW(**(KEYS | {"mup_base_width": 0}))
