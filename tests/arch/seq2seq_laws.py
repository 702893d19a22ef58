"""What holds for every encoder-decoder, as functions that its tests call."""

from __future__ import annotations

import math
from typing import Any

import torch
import yaml
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.conftest import ROOT

VOCAB_SIZE = 61


def option(name: str) -> dict[str, Any]:
    """A YAML option of the arch group, merged over the files it extends."""
    node = yaml.safe_load((ROOT / f"conf/arch/{name}.yaml").read_text())
    for base in node.pop("defaults", []):
        if base != "_self_":
            node = option(base) | node
    return node


def keywords(name: str) -> dict[str, Any]:
    """Constructor keywords of an option."""
    return {k: v for k, v in option(name).items() if not k.startswith("_") and k != "recipe"}


def millions(make: Any, name: str, vocab_size: int) -> float:
    """Parameters of an option in millions, counted without memory."""
    with torch.device("meta"):
        model = make(vocab_size=vocab_size, **keywords(name))
    return sum(p.numel() for p in model.parameters()) / 1e6


def padded_source() -> tuple[Tensor, Tensor]:
    """Tokens (2, 12), of which the second row has 7 real ones, and their mask."""
    mask = torch.ones(2, 12, dtype=torch.bool)
    mask[1, 7:] = False
    return torch.randint(VOCAB_SIZE, (2, 12)), mask


@torch.no_grad()
def cache_equals_recomputation(model: Any, steps: int = 64) -> None:
    """A prompt of 5 tokens, then one at a time."""
    source, mask = padded_source()
    tokens = torch.randint(VOCAB_SIZE, (2, steps))
    cache = model.start_decoding(model.encode(source, mask), mask, steps)
    parts = [model.decode(tokens[:, :5], cache)]
    parts += [model.decode(tokens[:, t : t + 1], cache) for t in range(5, steps)]
    want = model(source, tokens, mask)
    torch.testing.assert_close(torch.cat(parts, 1), want, atol=1e-5, rtol=0)
    assert cache.length == steps


@torch.no_grad()
def cross_keys_are_made_once(model: Any) -> None:
    """Every layer's cross-attention reads the source in the first step only."""
    source, mask = padded_source()
    calls: list[int] = []
    for block in model.decoder.blocks:
        block.cross_attention.key.register_forward_hook(lambda *_: calls.append(1))
    cache = model.start_decoding(model.encode(source, mask), mask, 4)
    for _ in range(4):
        model.decode(torch.ones(2, 1, dtype=torch.long), cache)
    assert len(calls) == len(model.decoder.blocks)


@torch.no_grad()
def selected_rows_go_on_alone(model: Any) -> None:
    """After `select`, decoding goes on as if only those rows had ever been there."""
    source, mask = padded_source()
    tokens, rows = torch.randint(VOCAB_SIZE, (2, 6)), torch.tensor([1, 1, 0])
    cache = model.start_decoding(model.encode(source, mask), mask, 6)
    model.decode(tokens[:, :3], cache)
    cache.select(rows)
    got = model.decode(tokens[rows, 3:], cache)
    want = model(source[rows], tokens[rows], mask[rows])[:, 3:]
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)


@torch.no_grad()
def output_ignores_later_tokens_and_sees_all_of_the_source(model: Any) -> None:
    """Targets after t change nothing at t; every source token changes every target."""
    source, tokens = torch.randint(VOCAB_SIZE, (2, 9)), torch.randint(VOCAB_SIZE, (2, 12))
    hidden = model(source, tokens)
    later = tokens.clone()
    later[:, 7:] = (later[:, 7:] + 1) % VOCAB_SIZE
    torch.testing.assert_close(model(source, later)[:, :7], hidden[:, :7], atol=1e-6, rtol=0)
    for place in (0, 8):
        other = source.clone()
        other[:, place] = (other[:, place] + 1) % VOCAB_SIZE
        assert bool(((model(other, tokens) - hidden).abs().amax(-1) > 1e-6).all())


@torch.no_grad()
def source_padding_changes_nothing(model: Any) -> None:
    """A padded row is what it is alone, whatever stands in the padding."""
    source, mask = padded_source()
    tokens = torch.randint(VOCAB_SIZE, (2, 6))
    alone = model(source[1:, :7], tokens[1:])
    torch.testing.assert_close(model(source, tokens, mask)[1:], alone, atol=1e-5, rtol=0)
    source[1, 7:] = 3
    torch.testing.assert_close(model(source, tokens, mask)[1:], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def first_loss_is_ln_v(make: Any, name: str, changes: dict[str, Any]) -> None:
    """Within 0.1 nats, at a vocabulary of 4096."""
    torch.manual_seed(0)
    model = make(vocab_size=4096, **(keywords(name) | changes))
    source, tokens = torch.randint(4096, (4, 64)), torch.randint(4096, (4, 65))
    logits = model.unembed(model(source, tokens[:, :-1]))
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    assert abs(float(loss) - math.log(4096)) < 0.1


def flops_agree_with_torchs_counter(model: Any, inner_width: int) -> None:
    """Exactly, with what a plain kernel computes of the masked half added."""
    source, tokens = torch.randint(VOCAB_SIZE, (2, 40)), torch.randint(VOCAB_SIZE, (2, 24))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.unembed(model(source, tokens)).sum().backward()
    masked_half = 6 * len(model.decoder.blocks) * inner_width * 24**2
    counted = counter.get_total_flops() / 2
    assert abs(counted / (model.flops_per_sequence(40, 24, 24) + masked_half) - 1) < 0.01
