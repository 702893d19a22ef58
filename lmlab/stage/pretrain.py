"""Pretraining: one objective on a token stream until the budget is spent."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor
from torchmetrics import SumMetric

from lmlab.batch import Batch, Loss
from lmlab.rollout.generate import generate
from lmlab.stage.guard import Guard
from lmlab.stage.plan import Plan
from lmlab.stage.training import Training, head_of


class Tokenizer(Protocol):
    """What the stage needs of a tokenizer, to show samples and to count bytes."""

    byte_lengths: np.ndarray | None

    def encode_batch(self, texts: list[str]) -> list[np.ndarray]: ...
    def decode(self, ids: list[int]) -> str: ...


class Pretrain(Training):
    """An objective on windows of a token stream; validation in nats, perplexity, bits per byte.

    Samples continue `prompts`, where the architecture is a decoder.
    """

    accepts: ClassVar[dict[str, tuple[str, ...]]] = {"objective": ("tokens",), "data": ("tokens",)}

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
        super().__init__(
            arch=arch,
            optim=optim,
            plan=plan,
            guard=guard,
            num_validations=num_validations,
            log_every_steps=log_every_steps,
        )
        if sample_tokens < 0:
            raise ValueError(f"stage.sample_tokens={sample_tokens} must be 0 or more")
        self.objective, self.tokenizer = objective, tokenizer
        self.prompts, self.sample_tokens = prompts, sample_tokens
        self.sample_temperature = sample_temperature
        self.val_nats, self.val_tokens, self.val_bytes = (
            SumMetric(nan_strategy="ignore").set_dtype(torch.float64) for _ in range(3)
        )

    def score(self, batch: Batch) -> Loss:
        """The objective's loss of the architecture on one micro-batch."""
        hidden = self.arch(*batch.inputs)  # type: ignore[attr-defined]
        return self.objective.loss(hidden, head_of(self.arch), batch)

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
        metrics = {"val/loss_nats": nats, "val/perplexity": math.exp(min(nats, 700.0))}
        if num_bytes:
            metrics["val/bits_per_byte"] = total / math.log(2) / num_bytes
        if self.sample_tokens and self.arch.kind == "decoder" and self._speaks:
            self.samples = self.sample()
        self.validated(metrics)

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
