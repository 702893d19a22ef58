"""Architectures of a few thousand parameters with names that a 2x4 mesh divides, and their batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
import torch
import yaml
from torch import Tensor, nn

from lmlab.batch import Head
from lmlab.objective.cross_entropy import fused_cross_entropy

CONF = Path(__file__).resolve().parents[2] / "conf" / "arch"
RULES: dict[str, str | None] = {
    "batch": "data",
    "heads": "model",
    "mlp": "model",
    "vocab": "model",
    "embed": None,
}
NAMES = ("gpt", "bert", "t5", "llama")
SIZE = {"vocab_size": 61, "num_layers": 2, "width": 32, "max_seq_len": 16}
OWN: dict[str, dict[str, Any]] = {
    "gpt": {"num_heads": 4},
    "bert": {"num_heads": 4, "pooler": True},
    "t5": {"num_heads": 4, "head_width": 8, "ff_width": 64},
    "llama": {"num_heads": 8, "num_kv_heads": 4, "ff_width": 64},
    "bart": {"num_heads": 4},
    "transformer": {"num_heads": 4},
}
ROWS, LENGTH = 4, 12


def node(name: str) -> dict[str, Any]:
    """The resolved keys of an option of `arch`, its base file's first."""
    text = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    found: dict[str, Any] = {}
    for base in text.pop("defaults", []):
        if base != "_self_":
            found |= node(str(base))
    return found | text


def make(name: str, **changes: Any) -> Any:
    """A small architecture with the same weights every time."""
    keys = node(name) | SIZE | OWN.get(name, {}) | {"dropout": 0.0} | changes
    if name == "llama":
        keys.pop("dropout")
    keys.pop("recipe", None)
    vocab_size = keys.pop("vocab_size")
    keys |= {"_partial_": True}
    torch.manual_seed(0)
    arch = hydra.utils.instantiate(keys, _convert_="all")(vocab_size=vocab_size)
    with torch.no_grad():  # biases and norms that matter, so that a wrong part shows
        for parameter in arch.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
            else:
                parameter.mul_(1.5)
    return arch


def tokens() -> Tensor:
    return torch.randint(61, (ROWS, LENGTH), generator=torch.Generator().manual_seed(1))


def loss_of(arch: Any, rows: Tensor, z_loss: float = 1e-3) -> Tensor:
    """Mean of the fused loss (and of the next-sentence head) over rows of tokens."""
    inputs, targets = rows[:, :-1], rows[:, 1:]
    if arch.kind == "encoder_decoder":
        real = torch.ones_like(inputs, dtype=torch.bool)
        real[:, -2:] = False
        hidden = arch(inputs, targets.flip(1), real)
    elif arch.kind == "encoder":
        documents = torch.zeros_like(inputs)
        documents[:, 5:] = 1
        hidden = arch(inputs, documents=documents)
    else:
        hidden = arch(inputs)
    mask = torch.ones_like(targets, dtype=torch.bool)
    mask[:, 2] = False
    head = Head(arch.unembedding.weight, arch.unembedding.bias, getattr(arch, "readout", None))
    total, _ = fused_cross_entropy(hidden, head, targets, mask, z_loss)
    loss = total / mask.sum()
    if hasattr(arch, "next_sentence"):
        follows = nn.functional.cross_entropy(arch.next_sentence(hidden), rows[:, 0] % 2)
        loss = loss + follows
    return loss
