"""hardware=mesh: axes of arrays to axes of the hardware, by rules (lmlab.mesh)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, Literal

from torch import nn
from torch.distributed.device_mesh import DeviceMesh

from lmlab.hardware.blocks import compile_blocks
from lmlab.hardware.machine import Hardware
from lmlab.hardware.sharded import Sharded
from lmlab.mesh import check, gradients_kept_apart, parallelize
from lmlab.processes import check_mesh, shares_of_mesh


class Mesh(Hardware):
    """Processes in a mesh with named axes; `rules` say which axis of an array lies along which.

    mesh: sizes by name, the slowest first; rules: `batch` names the axis that divides the batch.
    Raises: ValueError when the mesh is not made of all processes, or a rule names no axis of it.
    """

    divides_model: ClassVar[bool] = True
    takes_heads: ClassVar[bool] = False  # that a stage trains beside its architecture

    def __init__(
        self,
        *,
        strategy: Literal["mesh"],
        mesh: dict[str, int],
        rules: dict[str, str | None],
        **machine: Any,
    ) -> None:
        super().__init__(strategy=strategy, **machine)  # type: ignore[arg-type]
        check_mesh(mesh, rules, self.devices, self.num_nodes)
        self.mesh_shape, self.rules = dict(mesh), dict(rules)

    @property
    def data_size(self) -> int:
        return shares_of_mesh(self.mesh_shape, self.rules)

    def data_rank(self, rank: int) -> int:
        stride = 1
        for name, size in reversed(self.mesh_shape.items()):
            if name == self.rules.get("batch"):
                return rank // stride % size
            stride *= size
        return 0

    def divide(self, stage: nn.Module, mesh: DeviceMesh) -> None:
        """Lay out every architecture of a stage by the rules, in place."""
        for name, child in stage.named_children():
            if hasattr(child, "unembedding"):
                parallelize(child, mesh, self.rules)
                self._share_caches(child)
            elif any(parameter.requires_grad for parameter in child.parameters()):
                raise ValueError(
                    f"hardware=mesh lays out architectures, and stage {type(stage).__name__} also "
                    f"trains its {name}; use hardware=fsdp2 or hardware=ddp"
                )

    def _share_caches(self, arch: Any) -> None:
        """Caches of keys and values, where an architecture has them, hold this process's heads."""
        axis = self.rules.get("heads")
        if axis is not None and axis != self.rules.get("batch") and hasattr(arch, "cache_heads"):
            arch.cache_heads //= self.mesh_shape[axis]

    def adapt(self, arch: nn.Module) -> None:
        check(arch, self.mesh_shape, self.rules)
        super().adapt(arch)

    def compile_arch(self, arch: nn.Module) -> None:
        compile_blocks(arch)

    def lightning_strategy(self) -> Any:
        return Sharded(
            shape=self.mesh_shape,
            divide=self.divide,
            apart=_apart,
            backend=self.backend,
        )

    def layout(self) -> str:
        return " x ".join(f"{size} {name}" for name, size in self.mesh_shape.items())


@contextmanager
def _apart(stage: nn.Module) -> Iterator[None]:
    with ExitStack() as stack:
        for child in stage.children():
            stack.enter_context(gradients_kept_apart(child))
        yield
