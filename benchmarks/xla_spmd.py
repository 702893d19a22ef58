"""The SPMD path of TPUs on torch_xla's virtual CPU devices, beside the unsharded model. Not in CI.

Needs an environment of its own, as torch_xla 2.9 needs exactly torch 2.9 (docs/hardware.md):
    PJRT_DEVICE=CPU CPU_NUM_DEVICES=8 python benchmarks/xla_spmd.py --data 2 --model 4
Prints the losses of both and ends with 1 when they differ by more than 1e-5.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import Tensor

from lmlab.arch.gpt import GPT
from lmlab.mesh.axes import named_axes
from lmlab.mesh.rules import partition_spec

RULES = {"batch": "data", "heads": "model", "mlp": "model", "vocab": "model", "embed": None}
VOCABULARY, LENGTH, ROWS = 64, 16, 8
LARGEST_DIFFERENCE = 1e-5


def make_arch() -> GPT:
    """A small GPT, the same every time."""
    torch.manual_seed(0)
    return GPT(
        vocab_size=VOCABULARY,
        num_layers=2,
        width=64,
        num_heads=8,
        num_kv_heads=None,
        ff_width=None,
        max_seq_len=LENGTH,
        norm="layer",
        position="learned",
        rope_base=None,
        feed_forward="gelu",
        tied_embeddings=False,
        bias=True,
        dropout=0.0,
    )


def batch_of(step: int) -> Tensor:
    """Tokens (ROWS, LENGTH + 1) of a step."""
    generator = torch.Generator().manual_seed(step)
    return torch.randint(VOCABULARY, (ROWS, LENGTH + 1), generator=generator)


def update(arch: Any, optimizer: torch.optim.Optimizer, tokens: Tensor) -> Tensor:
    """One step on next-token prediction; the loss before it."""
    logits = arch.unembed(arch(tokens[:, :-1]))
    loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=int, default=2, help="devices that divide the batch")
    parser.add_argument("--model", type=int, default=4, help="devices that divide the weights")
    parser.add_argument("--steps", type=int, default=5)
    given = parser.parse_args()
    os.environ.setdefault("PJRT_DEVICE", "CPU")
    os.environ.setdefault("CPU_NUM_DEVICES", str(given.data * given.model))
    import numpy as np
    import torch_xla
    import torch_xla.distributed.spmd as xs
    import torch_xla.runtime as xr

    xr.use_spmd()
    number = xr.global_runtime_device_count()
    mesh = xs.Mesh(np.arange(number), (given.data, given.model), ("data", "model"))
    plain, divided = make_arch(), make_arch()
    axes = named_axes(divided)
    divided = divided.to(torch_xla.device())
    for name, parameter in divided.named_parameters():
        xs.mark_sharding(parameter, mesh, partition_spec(axes[name].axes, RULES))
    optimizers = [torch.optim.AdamW(each.parameters(), 1e-3) for each in (plain, divided)]
    worst = 0.0
    for step in range(given.steps):
        tokens = batch_of(step)
        there = tokens.to(torch_xla.device())
        xs.mark_sharding(there, mesh, (RULES["batch"], None))
        one = update(plain, optimizers[0], tokens)
        many = update(divided, optimizers[1], there)
        torch_xla.sync()
        worst = max(worst, abs(float(one) - float(many)))
        print(f"step {step}: one device {float(one):.6f}, {number} devices {float(many):.6f}")
    weight = divided.blocks[0].feed_forward.up.weight
    print("feed_forward.up.weight:", torch_xla._XLAC._get_xla_sharding_spec(weight))
    print(f"largest difference {worst:.1e}")
    return 0 if worst <= LARGEST_DIFFERENCE else 1


if __name__ == "__main__":
    sys.exit(main())
