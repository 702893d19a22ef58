"""hardware=fsdp, fsdp2: weights, gradients and optimizer states divided among the processes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Literal

from torch import nn
from torch.distributed.device_mesh import DeviceMesh

from lmlab.hardware.blocks import compile_blocks
from lmlab.hardware.machine import Hardware
from lmlab.hardware.shard import Sharding, gradients_apart, shard_children
from lmlab.hardware.sharded import Sharded


class FullySharded(Hardware):
    """ZeRO stage 3 by torch's `fully_shard`: a block's weights are whole only while it computes.

    Source: Rajbhandari et al. 2020 (ZeRO), Zhao et al. 2023 (FSDP); `replicas` above 1 is their
    hybrid sharding, where each group of processes holds one whole model.
    """

    divides_model: ClassVar[bool] = True
    only_with: ClassVar[dict[str, dict[str, tuple[str, ...]]]] = {
        "gather_dtype": {"precision": ("bf16", "fp8")},
        "cpu_offload": {"accelerator": ("gpu", "auto")},
    }

    def __init__(
        self,
        *,
        strategy: Literal["fsdp", "fsdp2"],
        replicas: int,
        reshard_after_forward: bool,
        gather_dtype: Literal["bf16"] | None,
        gradient_dtype: Literal["fp32", "bf16"],
        reduce_every: Literal["micro_batch", "step"],
        cpu_offload: bool | None,
        **machine: Any,
    ) -> None:
        super().__init__(strategy=strategy, **machine)  # type: ignore[arg-type]
        if replicas < 1 or self.world_size % replicas:
            raise ValueError(
                f"hardware.replicas={replicas} must divide the {self.world_size} processes "
                "(hardware.devices x hardware.nodes)"
            )
        if cpu_offload and self.accelerator != "gpu":
            raise ValueError("hardware.cpu_offload=true has no effect on a CPU; set it to null")
        self.replicas, self.reduce_every = replicas, reduce_every
        self.sharding = Sharding(
            reshard_after_forward=reshard_after_forward,
            gather_dtype=gather_dtype,
            gradient_dtype=gradient_dtype,
            cpu_offload=bool(cpu_offload),
        )

    @property
    def mesh_shape(self) -> dict[str, int]:
        """Names and sizes of the process mesh, the slowest first."""
        shards = self.world_size // self.replicas
        return {"shard": shards} if self.replicas == 1 else {"copy": self.replicas, "shard": shards}

    def divide(self, stage: nn.Module, mesh: DeviceMesh) -> None:
        """Shard every module of a stage over `mesh`, in place."""
        shard_children(stage, mesh, self.sharding)

    def compile_arch(self, arch: nn.Module) -> None:
        compile_blocks(arch)

    def lightning_strategy(self) -> Any:
        backend = self.backend
        if self.sharding.cpu_offload:
            backend = f"cpu:gloo,cuda:{backend}"  # norms of gradients that lie on the CPU
        return Sharded(
            shape=self.mesh_shape,
            divide=self.divide,
            apart=gradients_apart if self.reduce_every == "step" else _as_it_is,
            backend=backend,
        )

    def layout(self) -> str:
        copies = f"{self.replicas} copies, " if self.replicas > 1 else ""
        return f"{copies}model in {self.mesh_shape['shard']} shards"


def _as_it_is(stage: nn.Module) -> AbstractContextManager[None]:
    """Gradients are reduced after every micro-batch, so that only shards are kept."""
    return nullcontext()
