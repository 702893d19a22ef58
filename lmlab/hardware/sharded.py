"""Lightning's strategy for models that are divided among processes, for any division."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.strategies import ModelParallelStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer
from torchmetrics import Metric

from lmlab.hardware.norm import clip_gradients


class Sharded(ModelParallelStrategy):
    """Divides a stage's modules with `divide(stage, mesh)` before its optimizers are made.

    shape: names and sizes of the process mesh, the slowest first; apart(stage): a context in which
    backward passes leave gradients unreduced, for all micro-batches of a step but the last.
    Checkpoints are written by all processes, each its share, through the Trainer's CheckpointIO.
    """

    def __init__(
        self,
        *,
        shape: dict[str, int],
        divide: Callable[[nn.Module, DeviceMesh], None],
        apart: Callable[[nn.Module], AbstractContextManager[None]],
        backend: str,
    ) -> None:
        super().__init__(
            data_parallel_size=1, tensor_parallel_size=1, process_group_backend=backend
        )
        self.shape, self.divide, self.apart = shape, divide, apart

    def setup_environment(self) -> None:
        self._setup_distributed()
        self._device_mesh = init_device_mesh(
            self.root_device.type, tuple(self.shape.values()), mesh_dim_names=tuple(self.shape)
        )

    def setup(self, trainer: L.Trainer) -> None:
        stage = self.lightning_module
        assert stage is not None and self.accelerator is not None
        if getattr(stage, "needs_whole_model", False):
            raise ValueError(
                f"stage {type(stage).__name__} needs the whole model in every process: use "
                "hardware=ddp, or one process"
            )
        self.accelerator.setup(trainer)
        if not any(isinstance(parameter, DTensor) for parameter in stage.parameters()):
            self.divide(stage, self.device_mesh)
        self._move_the_rest(stage)
        self.barrier()
        if trainer.state.fn == TrainerFn.FITTING:
            self.setup_optimizers(trainer)
        self.setup_precision_plugin()

    def _move_the_rest(self, stage: nn.Module) -> None:
        """Buffers, undivided parameters and metrics to the device; shards are where they belong."""
        for module in stage.modules():
            if isinstance(module, Metric):  # whose sums are neither parameters nor buffers
                module.to(self.root_device)
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = buffer.to(self.root_device)
            for parameter in module._parameters.values():
                if parameter is not None and not isinstance(parameter, DTensor):
                    parameter.data = parameter.data.to(self.root_device)

    # ---- a step

    def block_backward_sync(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Around the backward passes before a step's last one."""
        assert self.lightning_module is not None
        return self.apart(self.lightning_module)

    def clip(self, parameters: list[Tensor], limit: float) -> float:
        """Clip gradients to a norm of at most `limit` over all shards; the norm before that."""
        return clip_gradients(parameters, limit)

    # ---- checkpoints

    def lightning_module_state_dict(self) -> dict[str, Any]:
        assert self.lightning_module is not None
        return self.lightning_module.state_dict(keep_vars=True)

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        return getattr(optimizer, "optimizer", optimizer).state_dict()

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: str | Path, storage_options: Any = None
    ) -> None:
        """Every process writes its share; the folder appears when all are done."""
        self.checkpoint_io.save_checkpoint(checkpoint, filepath)

    def load_checkpoint(
        self, checkpoint_path: str | Path, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Fill weights and optimizers with this process's share; the rest is returned."""
        read: Any = self.checkpoint_io
        return read.load_into(checkpoint_path, self.lightning_module, self.optimizers)

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """`load_checkpoint` has done it."""
