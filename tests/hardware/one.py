"""A process group of this process alone, for what needs a mesh and no neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh


@contextmanager
def mesh_of_one(*names: str) -> Iterator[DeviceMesh]:
    """A mesh whose every axis has one place."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield init_device_mesh("cpu", (1,) * len(names), mesh_dim_names=names)
    finally:
        dist.destroy_process_group()


def keys(**changes: object) -> dict[str, object]:
    """What every class of the group takes, on a CPU."""
    found: dict[str, object] = {
        "accelerator": "cpu",
        "devices": 2,
        "nodes": 1,
        "precision": "fp32",
        "compile": None,
        "activation_checkpointing": "none",
        "deterministic": False,
        "threads": None,
        "peak_flops": None,
    }
    return found | changes
