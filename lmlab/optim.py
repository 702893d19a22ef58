"""Optimizers, their parameter groups and the shape of the learning rate over a budget."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from lmlab import mup

ScheduleName = Literal["cosine", "wsd", "constant", "inverse_sqrt"]
Scaled = tuple[str, nn.Parameter, float]  # name, parameter, factor of its learning rate


def rate(
    schedule: str, progress: float, warmup: float, final: float | None, decay: float | None
) -> float:
    """The learning rate as a fraction of its peak, at `progress` 0..1 through the budget.

    warmup, decay: fractions of the budget; final: the fraction of the peak at the end.
    Source: cosine GPT-3 appendix B; wsd (warm-up, stable, decay) Hu et al. 2024 (MiniCPM);
    inverse_sqrt Vaswani et al. 2017 section 5.3, as a fraction of the peak.
    """
    if progress < warmup:
        return progress / warmup
    if schedule == "constant":
        return 1.0
    if schedule == "inverse_sqrt":
        start = max(warmup, 1e-3)
        return math.sqrt(start / max(progress, start))
    if schedule == "cosine":
        final = 0.1 if final is None else final
        done = min(1.0, (progress - warmup) / (1.0 - warmup))
        return final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * done))
    final, decay = final or 0.0, 0.2 if decay is None else decay
    left = min(1.0, max(0.0, 1.0 - progress) / decay)
    return final + (1.0 - final) * left


class AdamW:
    """AdamW with decay on matrices only (Loshchilov and Hutter 2019); GPT-3's betas by default."""

    only_with: ClassVar[dict[str, dict[str, tuple[str, ...]]]] = {
        "final_fraction": {"schedule": ("cosine", "wsd")},
        "decay_fraction": {"schedule": ("wsd",)},
    }

    def __init__(
        self,
        *,
        learning_rate: float,
        betas: list[float],
        eps: float,
        weight_decay: float,
        clip_norm: float | None,
        schedule: Literal["cosine", "wsd", "constant", "inverse_sqrt"],
        warmup_fraction: float,
        final_fraction: float | None,
        decay_fraction: float | None,
        mup_base_width: int | None,
    ) -> None:
        if learning_rate <= 0:
            raise ValueError(f"optim.learning_rate={learning_rate} must be above 0")
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"optim.betas={betas} must be two numbers from 0 up to but not 1")
        if not 0 <= warmup_fraction < 1:
            raise ValueError(f"optim.warmup_fraction={warmup_fraction} must be at least 0, below 1")
        if clip_norm is not None and clip_norm <= 0:
            raise ValueError(f"optim.clip_norm={clip_norm} must be above 0; null turns it off")
        if decay_fraction is not None and not 0 < decay_fraction <= 1:
            raise ValueError(f"optim.decay_fraction={decay_fraction} must be above 0, at most 1")
        if mup_base_width is not None and mup_base_width < 1:
            raise ValueError(f"optim.mup_base_width={mup_base_width} must be 1 or more, or null")
        self.mup_base_width = mup_base_width
        self.learning_rate, self.betas, self.eps = learning_rate, betas, eps
        self.weight_decay, self.clip_norm = weight_decay, clip_norm
        self.schedule, self.warmup = schedule, warmup_fraction
        self.final, self.decay = final_fraction, decay_fraction

    def rate(self, progress: float) -> float:
        """The learning rate as a fraction of its peak, `progress` 0..1 through the budget."""
        return rate(self.schedule, progress, self.warmup, self.final, self.decay)

    def initialize(self, arch: nn.Module) -> None:
        """Scale fresh weights as the parametrisation asks; nothing without mup_base_width."""
        if self.mup_base_width is not None:
            mup.rescale(arch, self.mup_base_width)

    def build(self, module: nn.Module) -> list[torch.optim.Optimizer]:
        """The optimizers of all parameters that train; each group keeps its peak as `peak_lr`."""
        return [self._adamw(self._scaled(module, 1))]

    def _scaled(self, module: nn.Module, which: int) -> list[Scaled]:
        """(name, parameter, factor of its learning rate); which: of mup.scales, 1 Adam, 2 Muon."""
        named = named_parameters(module)
        if self.mup_base_width is None:
            return [(name, p, 1.0) for name, p in named]
        ratios = mup.ratios(module, self.mup_base_width)
        return [(name, p, mup.scales(name, p, *ratios)[which]) for name, p in named]

    def _groups(self, parameters: Iterable[Scaled], learning_rate: float) -> list[dict[str, Any]]:
        """One group a factor, matrices before vectors; rate times decay is the same in all.

        Source: Wang and Aitchison 2024 (arXiv 2405.13698) for that product.
        """
        groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
        for _, parameter, scale in parameters:
            groups.setdefault((parameter.dim() >= 2, scale), []).append(parameter)
        order = sorted(groups, key=lambda key: (not key[0], abs(math.log(key[1]))))
        return [
            {
                "params": groups[decays, scale],
                "weight_decay": self.weight_decay / scale if decays else 0.0,
                "lr": learning_rate * scale,
                "peak_lr": learning_rate * scale,
            }
            for decays, scale in order
        ]

    def _adamw(self, parameters: Iterable[Scaled]) -> torch.optim.Optimizer:
        return torch.optim.AdamW(
            self._groups(parameters, self.learning_rate),
            self.learning_rate,
            (self.betas[0], self.betas[1]),
            self.eps,
            fused=True,  # type: ignore[arg-type]
        )


class Muon(AdamW):
    """Muon on the matrices inside the blocks, AdamW on everything else.

    Source: Jordan et al. 2024; the update is scaled by 0.2 sqrt(max(rows, columns)) as in
    Liu et al. 2025 (arXiv 2502.16982), so AdamW's learning rate carries over.
    """

    num_optimizers: ClassVar[int] = 2

    def __init__(
        self,
        *,
        learning_rate: float,
        betas: list[float],
        eps: float,
        weight_decay: float,
        clip_norm: float | None,
        schedule: Literal["cosine", "wsd", "constant", "inverse_sqrt"],
        warmup_fraction: float,
        final_fraction: float | None,
        decay_fraction: float | None,
        mup_base_width: int | None,
        muon_learning_rate: float,
        momentum: float,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            clip_norm=clip_norm,
            schedule=schedule,
            warmup_fraction=warmup_fraction,
            final_fraction=final_fraction,
            decay_fraction=decay_fraction,
            mup_base_width=mup_base_width,
        )
        self.muon_learning_rate, self.momentum = muon_learning_rate, momentum

    def build(self, module: nn.Module) -> list[torch.optim.Optimizer]:
        """AdamW first, then Muon; one of them alone where the other has nothing to train."""

        def matrix(name: str, p: nn.Parameter) -> bool:
            return ".blocks." in f".{name}" and p.dim() == 2

        inside = [each for each in self._scaled(module, 2) if matrix(each[0], each[1])]
        outside = [each for each in self._scaled(module, 1) if not matrix(each[0], each[1])]
        found = [self._adamw(outside)] if outside else []
        return [*found, self._muon(inside)] if inside else found

    def _muon(self, parameters: Iterable[Scaled]) -> torch.optim.Optimizer:
        return torch.optim.Muon(
            self._groups(parameters, self.muon_learning_rate),
            self.muon_learning_rate,
            self.weight_decay,
            self.momentum,
            adjust_lr_fn="match_rms_adamw",
        )


def named_parameters(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that train, tied ones once."""
    return [(name, p) for name, p in module.named_parameters() if p.requires_grad]
