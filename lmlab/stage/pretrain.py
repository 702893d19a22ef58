"""Pretraining: one objective on a token stream until the budget is spent."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from typing import Any, Protocol

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics import SumMetric

from lmlab.batch import Batch, Loss
from lmlab.rollout.generate import generate
from lmlab.stage.guard import Guard, Rewind
from lmlab.stage.plan import Plan


class Tokenizer(Protocol):
    """What the stage needs of a tokenizer, to show samples and to count bytes."""

    byte_lengths: np.ndarray | None

    def encode_batch(self, texts: list[str]) -> list[np.ndarray]: ...
    def decode(self, ids: list[int]) -> str: ...


class Pretrain(L.LightningModule):
    """A LightningModule whose training step is one whole optimizer step.

    A batch is this process's share of the step; it is split into micro-batches whose gradients add
    up. Losses are sums divided by the count over all ranks, so the split never changes the result.
    A step that is not finite, or a spike, reaches no optimizer: its gradients are dropped.
    """

    def __init__(
        self,
        *,
        arch: Any,
        objective: Any,
        optim: Any,
        plan: Plan,
        guard: Guard,
        tokenizer: Tokenizer,
        num_validations: int,
        prompts: list[str],
        sample_tokens: int,
        sample_temperature: float,
        log_every_steps: int,
    ) -> None:
        super().__init__()
        if num_validations < 0 or sample_tokens < 0 or log_every_steps < 1:
            raise ValueError(
                "stage.num_validations and stage.sample_tokens must be 0 or more, "
                f"stage.log_every_steps 1 or more; got {num_validations}, {sample_tokens}, "
                f"{log_every_steps}"
            )
        self.automatic_optimization = False
        self.arch, self.objective, self.optim = arch, objective, optim
        self.plan, self.guard, self.tokenizer = plan, guard, tokenizer
        self.num_validations, self.log_every_steps = num_validations, log_every_steps
        self.prompts, self.sample_tokens = prompts, sample_tokens
        self.sample_temperature = sample_temperature
        self.elapsed_seconds = 0.0
        self.peak_flops: float | None = None  # of all devices together; whoever trains may set it
        self.latest: dict[str, float] = {}
        self.samples: list[dict[str, str]] = []
        self.val_nats, self.val_tokens, self.val_bytes = (
            SumMetric(nan_strategy="ignore").set_dtype(torch.float64) for _ in range(3)
        )
        self._window_start: tuple[float, int] | None = None

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return self.optim.build(self.arch)

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
        rate = self.optim.rate(
            self.plan.progress(self.trainer.global_step + 1, self.elapsed_seconds)
        )
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * rate
        loss, count = self._accumulate(batch)
        limit = self.optim.clip_norm if self.optim.clip_norm is not None else math.inf
        norm = float(nn.utils.clip_grad_norm_(self.arch.parameters(), limit))
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
        now = time.perf_counter()
        self.elapsed_seconds += now - self._clock
        self._clock = now
        self._record(loss, norm, rate * optimizers[0].param_groups[0]["peak_lr"], count)

    def _optimizers(self) -> list[Any]:
        optimizers = self.optimizers()
        return list(optimizers) if isinstance(optimizers, list) else [optimizers]

    def _accumulate(self, batch: Batch) -> tuple[float, int]:
        """Gradients of the mean loss over the global batch; returns that mean and its count."""
        count = self._sum_over_ranks(batch.mask.sum().to(self.device))  # type: ignore[attr-defined]
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

    def _no_sync(self) -> Any:
        block = getattr(self.trainer.strategy, "block_backward_sync", nullcontext)
        return block()

    def _sum_over_ranks(self, value: Tensor) -> Tensor:
        if self.trainer.world_size == 1:
            return value
        return self.trainer.strategy.reduce(value, reduce_op="sum")  # type: ignore[return-value]

    def score(self, batch: Batch) -> Loss:
        """The objective's loss of the architecture on one micro-batch."""
        hidden = self.arch(*batch.inputs)  # type: ignore[attr-defined]
        return self.objective.loss(hidden, self.arch.unembedding.weight, batch)

    def _record(self, loss: float, norm: float, learning_rate: float, count: int) -> None:
        step = self.trainer.global_step
        tokens = step * self.plan.step_tokens
        self.latest = {
            "train/loss_nats": loss,
            "train/grad_norm": norm,
            "train/learning_rate": learning_rate,
            "progress/tokens": float(tokens),
            "progress/flops": tokens * self.plan.flops_per_token,
        } | self._speed(step)
        if self.guard.skipped_not_finite or self.guard.skipped_spikes:
            self.latest["train/skipped_not_finite"] = float(self.guard.skipped_not_finite)
            self.latest["train/skipped_spikes"] = float(self.guard.skipped_spikes)
        if step % self.log_every_steps == 0 or step in (1, self.plan.num_steps):
            self._log(self.latest)

    def _speed(self, step: int) -> dict[str, float]:
        """Tokens a second since about log_every_steps ago, validation and checkpoints left out."""
        if self._window_start is None or step - self._window_start[1] >= 2 * self.log_every_steps:
            self._window_start = (self.elapsed_seconds, step)
            return {key: value for key, value in self.latest.items() if key.startswith("speed/")}
        seconds = self.elapsed_seconds - self._window_start[0]
        steps = step - self._window_start[1]
        rate = steps * self.plan.step_tokens / max(seconds, 1e-9)
        if self.peak_flops is None:
            return {"speed/tokens_per_second": rate}
        used = rate * self.plan.flops_per_token / self.peak_flops
        return {"speed/tokens_per_second": rate, "speed/model_flop_utilization": used}

    def _log(self, metrics: dict[str, float]) -> None:
        if self.logger is not None:
            self.logger.log_metrics(metrics, step=self.trainer.global_step)

    # ---- validation

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        for micro in batch.split(self.plan.micro_sequences):
            loss = self.score(micro)
            self.val_nats.update(loss.metrics["nll"].double())
            self.val_tokens.update(loss.count.double())
            self.val_bytes.update(self._num_bytes(micro))

    def _num_bytes(self, batch: Any) -> Tensor | float:
        lengths = self.tokenizer.byte_lengths
        if lengths is None:
            return 0.0
        table = torch.as_tensor(lengths, device=batch.targets.device, dtype=torch.float64)
        return (table[batch.targets] * batch.mask).sum()

    def on_validation_epoch_end(self) -> None:
        if self.trainer.sanity_checking:
            return
        sums = (self.val_nats, self.val_tokens, self.val_bytes)
        total, tokens, num_bytes = (float(metric.compute()) for metric in sums)
        for metric in sums:
            metric.reset()
        nats = total / max(1.0, tokens)
        self.val_metrics = {"val/loss_nats": nats, "val/perplexity": math.exp(min(nats, 700.0))}
        if num_bytes:
            self.val_metrics["val/bits_per_byte"] = total / math.log(2) / num_bytes
        self._log(self.val_metrics)
        self.validated_at = self.trainer.global_step
        if self.sample_tokens and self.trainer.is_global_zero:
            self.samples = self.sample()
        self._clock = time.perf_counter()

    @torch.no_grad()
    def sample(self) -> list[dict[str, str]]:
        """Continuations of `stage.prompts`; the same weights give the same text."""
        rows = []
        generator = torch.Generator(device=self.device).manual_seed(0)
        for prompt in self.prompts:
            ids = torch.as_tensor(self.tokenizer.encode_batch([prompt])[0].astype(np.int64))
            tokens = generate(
                self.arch,
                ids[None].to(self.device),
                max_new_tokens=self.sample_tokens,
                temperature=self.sample_temperature,
                generator=generator,
            )
            rows.append(
                {"prompt": prompt, "continuation": self.tokenizer.decode(tokens[0].tolist())}
            )
        return rows

    # ---- state

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["lmlab_stage"] = {
            "elapsed_seconds": self.elapsed_seconds,
            "guard": self.guard.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["lmlab_stage"]
        self.elapsed_seconds = state["elapsed_seconds"]
        self.guard.load_state_dict(state["guard"])
