"""hardware=deepspeed: ZeRO by the DeepSpeed library, an extra."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, ClassVar, Literal

import lightning as L

from lmlab.hardware.machine import Hardware


class DeepSpeed(Hardware):
    """Optimizer states, gradients and weights divided by DeepSpeed (Rajbhandari et al. 2020).

    Checkpoints are DeepSpeed's own folders. Raises: ValueError where the library or a GPU is missing.
    """

    only_with: ClassVar[dict[str, dict[str, tuple[int, ...]]]] = {
        "offload_parameters": {"zero_stage": (3,)},
    }

    def __init__(
        self,
        *,
        strategy: Literal["deepspeed"],
        zero_stage: Literal[1, 2, 3],
        offload_optimizer: bool,
        offload_parameters: bool | None,
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
        self.offload_parameters = bool(offload_parameters)
        self.bucket_elements = int(bucket_megabytes * 2**20 / 2)  # of 16-bit gradients

    def lightning_strategy(self) -> Any:
        return L.pytorch.strategies.DeepSpeedStrategy(
            stage=self.zero_stage,
            offload_optimizer=self.offload_optimizer,
            offload_parameters=self.offload_parameters,
            allgather_bucket_size=self.bucket_elements,
            reduce_bucket_size=self.bucket_elements,
            overlap_comm=self.overlap,
            process_group_backend=self.backend,
        )
