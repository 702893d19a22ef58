"""hardware=deepspeed: ZeRO by the DeepSpeed library, an extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

import lightning as L
from lightning.pytorch.strategies import DeepSpeedStrategy
from torch import Tensor
from torch.optim import Optimizer

from lmlab.hardware.machine import Hardware


class Engine(DeepSpeedStrategy):
    """DeepSpeed clips gradients itself; checkpoints are lmlab's, of the weights alone.

    Its optimizer states lie in objects of its own in every process, so a run does not resume.
    Not run here: written from the source of Lightning 2.6.
    """

    def __init__(self, *, offload_optimizer: bool, **settings: Any) -> None:
        super().__init__(offload_optimizer=offload_optimizer, **settings)
        self.offloads = offload_optimizer

    def setup(self, trainer: L.Trainer) -> None:
        """Tell the engine how far to clip, which it reads when it begins."""
        assert isinstance(self.config, dict)
        optim: Any = getattr(self.lightning_module, "optim", None)
        self.config["gradient_clipping"] = float(getattr(optim, "clip_norm", None) or 0.0)
        # PyTorch's own AdamW also steps states that wait in the memory of the CPU.
        self.config["zero_force_ds_cpu_optimizer"] = False
        super().setup(trainer)

    @contextmanager
    def block_backward_sync(self) -> Iterator[None]:
        """Around the backward passes before a step's last one, whose gradients are added up.

        Raises: ValueError where the engine would keep only the last one's.
        """
        if self.offloads:
            raise ValueError(
                "hardware.offload_optimizer=true cannot accumulate gradients: raise "
                "batch.micro_sequences to the sequences of a process, or set it to false"
            )
        engine = self.deepspeed_engine
        engine.set_gradient_accumulation_boundary(is_boundary=False)
        try:
            yield
        finally:
            engine.set_gradient_accumulation_boundary(is_boundary=True)

    def clip(self, parameters: list[Tensor], limit: float) -> float:
        """Gradients are clipped within the step; the norm of the step before, 0 at the first."""
        return float(self.deepspeed_engine.get_global_grad_norm() or 0.0)

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        return {}

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: str | Path, storage_options: Any = None
    ) -> None:
        """Process 0 writes the weights, which all hold whole below ZeRO stage 3."""
        if self.is_global_zero:
            self.checkpoint_io.save_checkpoint(checkpoint, filepath)

    def load_checkpoint(
        self, checkpoint_path: str | Path, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Raises: ValueError, as there are no optimizer states to go on with."""
        raise ValueError(
            f"hardware=deepspeed cannot go on from {checkpoint_path}, whose optimizer states it does "
            "not keep; init_from=RUN starts a new run with its weights, and hardware=fsdp2 resumes"
        )


class DeepSpeed(Hardware):
    """Optimizer states and gradients divided by DeepSpeed (Rajbhandari et al. 2020).

    Weights are divided by hardware=fsdp2: DeepSpeed's stage 3 gathers them around a module's forward
    pass, and the loss reads the unembedding's outside of it.
    Raises: ValueError where the library or a GPU is missing.
    """

    divides_model: ClassVar[bool] = True
    one_optimizer: ClassVar[bool] = True

    def __init__(
        self,
        *,
        strategy: Literal["deepspeed"],
        zero_stage: Literal[1, 2],
        offload_optimizer: bool,
        bucket_megabytes: float,
        overlap: bool,
        **machine: Any,
    ) -> None:
        if find_spec("deepspeed") is None:
            raise ValueError(
                "hardware=deepspeed needs the library: pip install 'lmlab[deepspeed]'; "
                "hardware=fsdp2 divides the same way without it"
            )
        super().__init__(strategy=strategy, **machine)  # type: ignore[arg-type]
        if self.accelerator != "gpu":
            raise ValueError("hardware=deepspeed needs GPUs; hardware=fsdp2 also runs on CPUs")
        self.zero_stage, self.overlap = zero_stage, overlap
        self.offload_optimizer = offload_optimizer
        self.bucket_elements = int(bucket_megabytes * 2**20 / 2)  # of 16-bit gradients

    def lightning_strategy(self) -> Any:
        return Engine(
            stage=self.zero_stage,
            offload_optimizer=self.offload_optimizer,
            allgather_bucket_size=self.bucket_elements,
            reduce_bucket_size=self.bucket_elements,
            overlap_comm=self.overlap,
            process_group_backend=self.backend,
        )
