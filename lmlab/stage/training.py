"""What all stages that train share: one loader item is one optimizer step, whatever its split."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from lmlab.batch import Batch, Head, Loss
from lmlab.stage.guard import Guard, Rewind
from lmlab.stage.in_step import in_step
from lmlab.stage.passes import num_passes
from lmlab.stage.plan import Plan


class Training(L.LightningModule, ABC):
    """A LightningModule whose training step is one whole optimizer step.

    A batch is this process's share of the step; it is split into micro-batches whose gradients add
    up. Losses are sums divided by the count over all ranks, so the split never changes the result.
    A step that is not finite, or a spike, reaches no optimizer: its gradients are dropped.
    A subclass writes `score`, and sets `val_metrics` when it validates.
    """

    def __init__(
        self,
        *,
        arch: Any,
        optim: Any,
        plan: Plan,
        guard: Guard,
        num_validations: int,
        log_every_steps: int,
    ) -> None:
        super().__init__()
        if num_validations < 0 or log_every_steps < 1:
            raise ValueError(
                "stage.num_validations must be 0 or more and stage.log_every_steps 1 or more; got "
                f"{num_validations} and {log_every_steps}"
            )
        self.automatic_optimization = False
        self.arch, self.optim, self.plan, self.guard = arch, optim, plan, guard
        self.num_validations, self.log_every_steps = num_validations, log_every_steps
        self.elapsed_seconds = 0.0
        self.peak_flops: float | None = None  # of all devices together; whoever trains may set it
        self.latest: dict[str, float] = {}
        self.val_metrics: dict[str, float] = {}
        self.validated_at: int | None = None
        self.samples: list[dict[str, str]] = []
        self.num_tokens = 0  # read so far, over all devices
        self._window_start: tuple[float, int, int] | None = None

    @property
    def trained(self) -> nn.Module:
        """The module whose parameters train; more than the architecture where a stage adds a head."""
        return self.arch

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return self.optim.build(self.trained)

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Lightning's own way cannot rebuild a frozen dataclass."""
        return batch.map(lambda tensor: tensor.to(device, non_blocking=True))

    # ---- training

    def on_train_start(self) -> None:
        self._clock = time.perf_counter()

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        optimizers = self._optimizers()
        rate = self._set_rate()
        loss, count = self._accumulate(batch)
        norm = self._clip_together(self.trained.parameters())
        decision = self.guard.decide(loss, norm)
        if decision == "rewind":
            raise Rewind(self.trainer.global_step)
        if decision != "step":
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
        optimizers[0].step()  # through Lightning, which counts it; without gradients nothing moves
        for optimizer in optimizers[1:]:
            optimizer.optimizer.step()
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        self.num_tokens += self.step_tokens(batch)
        now = time.perf_counter()
        self.elapsed_seconds += now - self._clock
        self._clock = now
        self._record(loss, norm, rate * optimizers[0].param_groups[0]["peak_lr"], count)

    def _set_rate(self) -> float:
        """The learning rate of this step as a share of its peak, given to all optimizers.

        Where minutes limit the budget it goes by process 0's clock, so that it is the same for all.
        """
        if self.plan.minutes is not None and self.trainer.world_size > 1:
            self.elapsed_seconds = self.trainer.strategy.broadcast(self.elapsed_seconds)
        done = self.plan.progress(self.trainer.global_step + 1, self.elapsed_seconds)
        rate = self.optim.rate(done)
        for optimizer in self._optimizers():
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * rate
        return rate

    def step_tokens(self, batch: Any) -> int:
        """Tokens of one step over all devices; a subclass counts them where rows are not full."""
        return self.plan.step_tokens

    def _optimizers(self) -> list[Any]:
        optimizers = self.optimizers()
        return list(optimizers) if isinstance(optimizers, list) else [optimizers]

    def _accumulate(self, batch: Batch) -> tuple[float, int]:
        """Gradients of the mean loss over the global batch; returns that mean and its count."""
        count = self._sum_over_ranks(self.count(batch).to(self.device))
        scale = self.trainer.world_size / max(1, int(count))
        micro_batches = list(batch.split(self.plan.micro_sequences))
        total = torch.zeros((), device=self.device)
        for index, micro in enumerate(micro_batches):
            last = index + 1 == len(micro_batches)
            with nullcontext() if last else self._no_sync():
                part = self.score(micro)
                self.manual_backward(part.total * scale)
            total += part.total.detach()
        return float(self._sum_over_ranks(total)) / max(1, int(count)), int(count)

    def _clip_together(self, parameters: Iterable[Tensor]) -> float:
        """Clips gradients by the norm of all together; returns it as it was before."""
        limit = self.optim.clip_norm if self.optim.clip_norm is not None else math.inf
        divided = getattr(self.trainer.strategy, "clip", None)  # where processes hold parts of them
        return float((divided or nn.utils.clip_grad_norm_)(parameters, limit))

    @property
    def _speaks(self) -> bool:
        """Whether this process runs the model outside of training: all must where it is divided."""
        return self.trainer.is_global_zero or hasattr(self.trainer.strategy, "clip")

    def _no_sync(self) -> Any:
        block = getattr(self.trainer.strategy, "block_backward_sync", nullcontext)
        return block()

    def _sum_over_ranks(self, value: Tensor) -> Tensor:
        if self.trainer.world_size == 1:
            return value
        return self.trainer.strategy.reduce(value, reduce_op="sum")  # type: ignore[return-value]

    @abstractmethod
    def score(self, batch: Any) -> Loss:
        """The loss of one micro-batch. A subclass writes it."""

    def count(self, batch: Any) -> Tensor:
        """How many terms of the loss a batch has: a scalar, known before any forward pass."""
        return batch.mask.sum()

    def _record(self, loss: float, norm: float, learning_rate: float, count: int) -> None:
        step = self.trainer.global_step
        self.latest = {
            "train/loss_nats": loss,
            "train/grad_norm": norm,
            "train/learning_rate": learning_rate,
            "progress/tokens": float(self.num_tokens),
            "progress/flops": self.num_tokens * self.plan.flops_per_token,
        } | self._speed(step)
        if self.guard.skipped_not_finite or self.guard.skipped_spikes:
            self.latest["train/skipped_not_finite"] = float(self.guard.skipped_not_finite)
            self.latest["train/skipped_spikes"] = float(self.guard.skipped_spikes)
        if step % self.log_every_steps == 0 or step in (1, self.plan.num_steps):
            self._log(self.latest)

    def _speed(self, step: int) -> dict[str, float]:
        """Tokens a second since about log_every_steps ago, validation and checkpoints left out."""
        if self._window_start is None or step - self._window_start[1] >= 2 * self.log_every_steps:
            self._window_start = (self.elapsed_seconds, step, self.num_tokens)
            return {key: value for key, value in self.latest.items() if key.startswith("speed/")}
        seconds = self.elapsed_seconds - self._window_start[0]
        rate = (self.num_tokens - self._window_start[2]) / max(seconds, 1e-9)
        if self.peak_flops is None:
            return {"speed/tokens_per_second": rate}
        used = rate * self.plan.flops_per_token / self.peak_flops
        return {"speed/tokens_per_second": rate, "speed/model_flop_utilization": used}

    def _log(self, metrics: dict[str, float]) -> None:
        if self.logger is not None:
            self.logger.log_metrics(metrics, step=self.trainer.global_step)

    # ---- validation

    def validation_parts(self, batch: Any) -> Iterator[tuple[Any, bool]]:
        """Micro-batches of a validation batch, and whether their figures count.

        Where processes hold parts of the model, one whose batch is smaller runs its last again.
        """
        parts = list(batch.split(self.plan.micro_sequences))
        most = len(parts)
        if self.is_divided:
            number = torch.tensor(most, device=self.device)
            most = int(self.trainer.strategy.reduce(number, reduce_op="max"))
        return in_step(parts, most)

    @property
    def is_divided(self) -> bool:
        """Whether processes hold parts of the model: all must then call it equally often."""
        trainer = self._trainer
        return trainer is not None and trainer.world_size > 1 and hasattr(trainer.strategy, "clip")

    def num_passes(self, lengths: Tensor, least: int) -> int:
        """Passes by length over a page of lengths (B, C) that has `least` rows or more."""
        return 1 if self.is_divided else num_passes(lengths, least)

    def validated(self, metrics: dict[str, float]) -> None:
        """Keep and log the figures of a validation; its time does not count as training."""
        self.val_metrics = metrics
        self._log(metrics)
        self.validated_at = self.trainer.global_step
        self._clock = time.perf_counter()

    # ---- state

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["lmlab_stage"] = {
            "elapsed_seconds": self.elapsed_seconds,
            "num_tokens": self.num_tokens,
            "guard": self.guard.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["lmlab_stage"]
        self.elapsed_seconds = state["elapsed_seconds"]
        self.num_tokens = state["num_tokens"]
        self.guard.load_state_dict(state["guard"])


def head_of(arch: Any) -> Head:
    """How this architecture's hidden states become logits."""
    return Head(
        weight=arch.unembedding.weight,
        bias=arch.unembedding.bias,
        readout=getattr(arch, "readout", None),
        next_sentence=getattr(arch, "next_sentence", None),
    )
