"""hardware=tpu and tpu_pod: TPU cores through torch_xla, in an environment of its own."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import lightning as L
import torch

from lmlab.hardware.machine import Hardware

PRECISION = {"fp32": "32-true", "bf16": "bf16-true"}


def check_torch_xla(torch_version: str | None = None) -> None:
    """Raises: ValueError when torch_xla is missing or was built for another torch."""
    ours = (torch_version or torch.__version__).partition("+")[0]
    try:
        theirs = version("torch_xla")
    except PackageNotFoundError:
        raise ValueError(
            "hardware=tpu needs torch_xla, which is not installed here: it has an environment of "
            "its own with the torch of the same version (docs/hardware.md)"
        ) from None
    if ours.split(".")[:2] != theirs.split(".")[:2]:
        raise ValueError(
            f"hardware=tpu: torch_xla {theirs} needs torch {'.'.join(theirs.split('.')[:2])}, and "
            f"here is torch {ours}; use an environment with both of one version (docs/hardware.md)"
        )


class Tpu(Hardware):
    """One process a TPU core, each with the whole model; gradients are averaged by XLA.

    bf16 keeps weights in bf16 too: XLA knows no autocast of single operations.
    """

    def __init__(
        self,
        *,
        accelerator: Literal["tpu"],
        strategy: Literal["xla"],
        precision: Literal["fp32", "bf16"],
        **machine: Any,
    ) -> None:
        check_torch_xla()
        super().__init__(
            accelerator=accelerator,  # type: ignore[arg-type]
            strategy=strategy,  # type: ignore[arg-type]
            precision=precision,
            **machine,
        )

    @property
    def backend(self) -> str:
        return "xla"

    def prepare(self) -> None:
        """Raises: ValueError for several cores, which would not share the work."""
        if self.world_size > 1:
            raise ValueError(
                f"hardware.devices={self.devices} x hardware.nodes={self.num_nodes} TPU cores: their "
                "processes are forked after each got its share of the data, so all would train on the "
                "same one; set hardware=tpu hardware.devices=1 hardware.nodes=1 (docs/hardware.md)"
            )
        super().prepare()

    def lightning_precision(self) -> str:
        return PRECISION[self.precision]

    def lightning_strategy(self) -> Any:
        """One core needs no strategy; several are torch_xla's processes, made by Lightning."""
        return "auto" if self.world_size == 1 else L.pytorch.strategies.XLAStrategy()

    def trainer(self, **keywords: Any) -> L.Trainer:
        """Lightning's XLA strategies take a CheckpointIO inside a wrapper only."""
        from lightning.pytorch.plugins.io.wrapper import _WrappingCheckpointIO

        given = keywords.pop("plugins", [])
        return super().trainer(plugins=[_WrappingCheckpointIO(each) for each in given], **keywords)

    def describe(self) -> str:
        return f"TPU, {self.world_size} core(s), {self.precision}"
