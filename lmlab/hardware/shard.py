"""`fully_shard` on every module of a stage: blocks by themselves, then what is around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import (
    CPUOffloadPolicy,
    FSDPModule,
    MixedPrecisionPolicy,
    OffloadPolicy,
    fully_shard,
)

from lmlab.hardware.blocks import blocks_of

DTYPE = {"fp32": torch.float32, "bf16": torch.bfloat16}
# Ways into an architecture besides `forward`.
ENTRANCES = ("encode", "start_decoding", "decode")


@dataclass(frozen=True, slots=True)
class Sharding:
    """How weights are gathered and gradients are reduced.

    gather_dtype: of gathered weights, None: their own; gradient_dtype: of the sum over processes.
    """

    reshard_after_forward: bool = True
    gather_dtype: str | None = None
    gradient_dtype: str = "fp32"
    cpu_offload: bool = False

    def keywords(self) -> dict[str, Any]:
        """For `fully_shard`."""
        policy = MixedPrecisionPolicy(
            param_dtype=DTYPE[self.gather_dtype] if self.gather_dtype else None,
            reduce_dtype=DTYPE[self.gradient_dtype],
            cast_forward_inputs=False,
        )
        offload = CPUOffloadPolicy() if self.cpu_offload else OffloadPolicy()
        return {"mp_policy": policy, "offload_policy": offload}


def shard_children(stage: nn.Module, mesh: DeviceMesh, sharding: Sharding) -> None:
    """Shard every child that has parameters, in place: architectures, references, heads."""
    for child in _callable_children(stage):
        shard(child, mesh, sharding)


def _callable_children(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from _callable_children(child)
        elif next(child.parameters(), None) is not None:
            yield child


def shard(module: nn.Module, mesh: DeviceMesh, sharding: Sharding) -> None:
    """Shard one architecture or head over a mesh of one dimension, or (copies, shards).

    What is outside its blocks stays whole from forward to the end of backward, as the loss reads
    the unembedding's weight itself.
    """
    if isinstance(module, FSDPModule):
        return
    keywords = sharding.keywords()
    for block in blocks_of(module):
        fully_shard(
            block, mesh=mesh, reshard_after_forward=sharding.reshard_after_forward, **keywords
        )
    fully_shard(module, mesh=mesh, reshard_after_forward=False, **keywords)
    for name in ENTRANCES:
        if hasattr(module, name):
            setattr(module, name, partial(_gathered, module, getattr(module, name)))


def _gathered(module: Any, method: Any, *arguments: Any, **keywords: Any) -> Any:
    """A way in that is taken outside of `forward` when texts are drawn, without gradients."""
    if not torch.is_grad_enabled():
        module.unshard()
    return method(*arguments, **keywords)


@contextmanager
def gradients_apart(stage: nn.Module) -> Iterator[None]:
    """Inside, backward passes keep whole gradients in every process and reduce none."""
    parts = [part for part in stage.modules() if isinstance(part, FSDPModule)]
    for part in parts:
        part.set_requires_gradient_sync(False, recurse=False)
    try:
        yield
    finally:
        for part in parts:
            part.set_requires_gradient_sync(True, recurse=False)
