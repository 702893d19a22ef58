"""The `hardware` group: what a run is computed on, and the Lightning Trainer that goes with it."""

from __future__ import annotations

import os
from typing import Any, Literal

import lightning as L
import torch
from torch import nn

from lmlab.hardware.blocks import checkpoint_blocks
from lmlab.hardware.fp8 import FP8_PRECISION, check_fp8, convert_to_fp8

PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed", "fp8": FP8_PRECISION}


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 matrices natively (AVX512-BF16 or AMX)."""
    if torch.backends.cpu.get_cpu_capability() not in ("AVX512", "AMX"):
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def accelerator_here(asked: str) -> str:
    """What `auto` is on this machine: gpu or cpu."""
    return ("gpu" if torch.cuda.device_count() else "cpu") if asked == "auto" else asked


def precision_here(asked: str, accelerator: str) -> str:
    """What `auto` is on this machine's accelerator: bf16 where it is native, else fp32."""
    if asked != "auto":
        return asked
    if accelerator == "gpu":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if cpu_has_bf16() else "fp32"


class Hardware:
    """Accelerator, processes, precision, compilation; a strategy of its own has a class of its own.

    Raises: ValueError when what is asked for is not there, naming what was found.
    """

    def __init__(
        self,
        *,
        accelerator: Literal["auto", "cpu", "gpu"],
        strategy: Literal["auto", "ddp"],
        devices: int,
        nodes: int,
        precision: Literal["auto", "fp32", "bf16", "fp8"],
        compile: bool | None,
        activation_checkpointing: Literal["none", "blocks"],
        deterministic: bool,
        threads: int | None,
        peak_flops: float | None,
    ) -> None:
        num_gpus = torch.cuda.device_count()
        accelerator = accelerator_here(accelerator)  # type: ignore[assignment]
        if devices < 1 or nodes < 1:
            raise ValueError(
                f"hardware.devices={devices} and hardware.nodes={nodes} must be 1 or more"
            )
        if accelerator == "gpu" and num_gpus < devices:
            raise ValueError(
                f"hardware.accelerator=gpu with hardware.devices={devices}: found {num_gpus} GPU(s) and "
                f"{os.cpu_count()} CPU cores. Use hardware=cpu{', or fewer devices' * bool(num_gpus)}"
            )
        if devices * nodes > 1 and strategy == "auto":
            raise ValueError(
                f"hardware.devices={devices} needs a strategy: hardware=ddp hardware.devices={devices}"
            )
        self.accelerator: str = accelerator
        self.strategy: str = strategy
        self.devices, self.num_nodes = devices, nodes
        if precision == "fp8":
            check_fp8(accelerator)
        self.precision = precision_here(precision, accelerator)
        self.compile = accelerator == "gpu" if compile is None else compile
        self.activation_checkpointing = activation_checkpointing
        self.deterministic, self.peak_flops = deterministic, peak_flops
        self.threads = threads

    @property
    def world_size(self) -> int:
        """Processes of the whole run."""
        return self.devices * self.num_nodes

    @property
    def data_size(self) -> int:
        """Shares that the batch of a step is divided into: processes, less those that share one."""
        return self.world_size

    def data_rank(self, rank: int) -> int:
        """Which share of the batch the process of this rank has."""
        return rank

    @property
    def data_ranks(self) -> list[int]:
        """Which share of the batch each process has, by rank."""
        return [self.data_rank(rank) for rank in range(self.world_size)]

    @property
    def backend(self) -> str:
        """What the processes talk through."""
        return "nccl" if self.accelerator == "gpu" else "gloo"

    def prepare(self) -> None:
        """Set this process's threads and kernels, before any tensor exists."""
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        if self.accelerator == "gpu":
            torch.set_float32_matmul_precision("high")

    def adapt(self, arch: nn.Module) -> None:
        """Convert, checkpoint and compile an architecture in place; no parameter is renamed."""
        if self.precision == "fp8":
            convert_to_fp8(arch)
        if self.activation_checkpointing == "blocks":
            checkpoint_blocks(arch)
        if self.compile:
            self.compile_arch(arch)

    def compile_arch(self, arch: nn.Module) -> None:
        """All of it at once; strategies that gather weights block by block compile blocks."""
        arch.compile()

    def lightning_strategy(self) -> Any:
        """Lightning's strategy, or its name."""
        if self.strategy == "auto":
            return "auto"
        return L.pytorch.strategies.DDPStrategy(
            process_group_backend=self.backend, gradient_as_bucket_view=True
        )

    def lightning_precision(self) -> str:
        """Lightning's name of the precision."""
        return PRECISION[self.precision]

    def trainer(self, **keywords: Any) -> L.Trainer:
        """A Trainer for this hardware; loops, logger and callbacks come from the caller."""
        return L.Trainer(
            accelerator=self.accelerator,
            strategy=self.lightning_strategy(),
            devices=self.devices,
            num_nodes=self.num_nodes,
            precision=self.lightning_precision(),  # type: ignore[arg-type]
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
        if self.world_size > 1:
            name += f", {self.world_size} processes ({self.layout()})"
        return f"{name}, {self.precision}{', compiled' if self.compile else ''}"

    def layout(self) -> str:
        """How the processes share model and batch, in a word or two."""
        return self.strategy
