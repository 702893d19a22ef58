"""What is done to the repeated blocks of any architecture: the modules of its `nn.ModuleList`s."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint


def blocks_of(module: nn.Module) -> list[nn.Module]:
    """The modules of the outermost `nn.ModuleList`s in `module`, in order: its layers."""
    found: list[nn.Module] = []
    for child in module.children():
        found += list(child) if isinstance(child, nn.ModuleList) else blocks_of(child)
    return found


def checkpoint_blocks(arch: nn.Module) -> None:
    """Keep only the inputs of every block for backward; the rest is computed again.

    Results are bitwise the same: random states are put back for the second time.
    """
    for block in blocks_of(arch):
        block.forward = partial(_again, block.forward)  # type: ignore[method-assign]


def _again(forward: Any, *arguments: Any, **keywords: Any) -> Any:
    return checkpoint(forward, *arguments, use_reentrant=False, **keywords)


def compile_blocks(arch: nn.Module) -> None:
    """Compile every block by itself, so that what stands between them can gather weights."""
    for block in blocks_of(arch):
        block.compile()
