"""The `hardware` group: what a run is computed on, and the Lightning Trainer that goes with it."""

from __future__ import annotations

import os
from typing import Any, Literal

import lightning as L
import torch


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 matrices natively (AVX512-BF16 or AMX)."""
    if torch.backends.cpu.get_cpu_capability() not in ("AVX512", "AMX"):
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


class Hardware:
    """Accelerator, strategy, precision, compilation.

    Raises: ValueError when what is asked for is not there, naming what was found.
    """

    def __init__(
        self,
        *,
        accelerator: Literal["auto", "cpu", "gpu"],
        strategy: Literal["auto", "ddp"],
        devices: int,
        num_nodes: int,
        precision: Literal["auto", "fp32", "bf16"],
        compile: bool | None,
        deterministic: bool,
        threads: int | None,
        peak_flops: float | None,
    ) -> None:
        num_gpus = torch.cuda.device_count()
        if accelerator == "auto":
            accelerator = "gpu" if num_gpus else "cpu"
        if devices < 1 or num_nodes < 1:
            raise ValueError(
                f"hardware.devices={devices} and hardware.num_nodes={num_nodes} must be 1 or more"
            )
        if accelerator == "gpu" and num_gpus < devices:
            raise ValueError(
                f"hardware.accelerator=gpu with hardware.devices={devices}: found {num_gpus} GPU(s) and "
                f"{os.cpu_count()} CPU cores. Use hardware=cpu, or fewer devices"
            )
        if devices * num_nodes > 1 and strategy == "auto":
            raise ValueError(
                f"hardware.devices={devices} needs a strategy: hardware=ddp hardware.devices={devices}"
            )
        self.accelerator, self.strategy = accelerator, strategy
        self.devices, self.num_nodes = devices, num_nodes
        self.precision = self._precision(precision)
        self.compile = accelerator == "gpu" if compile is None else compile
        self.deterministic, self.peak_flops = deterministic, peak_flops
        self.threads = threads

    def _precision(self, asked: str) -> str:
        if asked != "auto":
            return asked
        if self.accelerator == "gpu":
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
        return "bf16" if cpu_has_bf16() else "fp32"

    @property
    def world_size(self) -> int:
        """Processes of the whole run."""
        return self.devices * self.num_nodes

    def prepare(self) -> None:
        """Set this process's threads and kernels, before any tensor exists."""
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        if self.accelerator == "gpu":
            torch.set_float32_matmul_precision("high")

    def trainer(self, **keywords: Any) -> L.Trainer:
        """A Trainer for this hardware; loops, logger and callbacks come from the caller."""
        strategy: Any = "auto"
        if self.strategy == "ddp":
            backend = "nccl" if self.accelerator == "gpu" else "gloo"
            strategy = L.pytorch.strategies.DDPStrategy(
                process_group_backend=backend, gradient_as_bucket_view=True
            )
        return L.Trainer(
            accelerator=self.accelerator,
            strategy=strategy,
            devices=self.devices,
            num_nodes=self.num_nodes,
            precision="bf16-mixed" if self.precision == "bf16" else "32-true",
            deterministic=self.deterministic,
            use_distributed_sampler=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            **keywords,
        )

    def describe(self) -> str:
        """One line for people: device, processes, precision."""
        name = torch.cuda.get_device_name() if self.accelerator == "gpu" else "CPU"
        if self.accelerator == "cpu":
            name += f", {torch.get_num_threads()} threads"
        processes = f"{self.world_size} processes, " if self.world_size > 1 else ""
        return f"{name}, {processes}{self.precision}{', compiled' if self.compile else ''}"
