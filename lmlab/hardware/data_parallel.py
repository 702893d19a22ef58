"""hardware=ddp: every process holds the whole model; gradients are averaged in buckets."""

from __future__ import annotations

from typing import Any, Literal

from lightning.pytorch.strategies import DDPStrategy

from lmlab.hardware.machine import Hardware


class OneBackward(DDPStrategy):
    """DDP that has learnt the order of gradients once, from a step of one backward pass."""

    def block_backward_sync(self) -> Any:
        """Raises: ValueError, as torch cannot add up gradients in this mode."""
        raise ValueError(
            "hardware.static_graph=true cannot accumulate gradients: raise batch.micro_sequences to "
            "the sequences of a process, or set hardware.static_graph=false"
        )


class DataParallel(Hardware):
    """Data parallel by torch's DistributedDataParallel; static_graph needs one micro-batch a step.

    On CPUs, and on GPUs with hardware.deterministic, buckets stay as they are laid out at the start:
    DDP would lay them out anew after its first step, in a resumed run too, and the sums of that step
    would round in another order on three processes and more.
    Source: Li et al. 2020 (arXiv 2006.15704), buckets of 25 MB that overlap with backward.
    """

    def __init__(
        self,
        *,
        strategy: Literal["ddp"],
        bucket_megabytes: float,
        gradient_dtype: Literal["fp32", "bf16"],
        static_graph: bool,
        **machine: Any,
    ) -> None:
        super().__init__(strategy=strategy, **machine)
        if bucket_megabytes <= 0:
            raise ValueError(f"hardware.bucket_megabytes={bucket_megabytes} must be above 0")
        self.bucket_megabytes, self.static_graph = bucket_megabytes, static_graph
        self.gradient_dtype = gradient_dtype

    @property
    def keeps_buckets(self) -> bool:
        """Whether a resumed run must add gradients in the order of one that was not stopped."""
        return not self.static_graph and (self.deterministic or self.accelerator == "cpu")

    def lightning_strategy(self) -> Any:
        from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import bf16_compress_hook

        kind = OneBackward if self.static_graph else DDPStrategy
        return kind(
            process_group_backend=self.backend,
            gradient_as_bucket_view=True,
            bucket_cap_mb=self.bucket_megabytes,
            static_graph=self.static_graph,
            # With this DDP keeps its first buckets (Reducer::should_rebuild_buckets).
            find_unused_parameters=self.keeps_buckets,
            ddp_comm_hook=bf16_compress_hook if self.gradient_dtype == "bf16" else None,
        )
