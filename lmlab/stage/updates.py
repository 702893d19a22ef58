"""A stage that makes several optimizer updates of one loader item, as policy optimisation does."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lmlab.batch import Loss
from lmlab.stage.guard import Rewind
from lmlab.stage.training import Training


def count_tokens(batch: Any) -> Tensor:
    """Tokens that count in a batch, a scalar."""
    return batch.mask.sum()


@dataclass(frozen=True, slots=True)
class Term:
    """A part of what one update descends: weight * sum of the scores / count over all ranks.

    batch: is split into micro-batches of `micro` rows; per: what metrics are means over.
    """

    batch: Any
    score: Callable[[Any], Loss]
    count: Tensor
    weight: float
    micro: int
    per: Callable[[Any], Tensor] = count_tokens


class Updates(Training):
    """A loader item is a phase of one or more updates, and the trainer's step counts phases.

    So data, schedule, log and checkpoints go by loader items: only the last update of a phase is
    made through Lightning, which counts it. Gradients are summed over ranks after each update's
    micro-batches, so that a term need not reach every parameter. A subclass writes `phase`.
    """

    needs_whole_model: ClassVar[bool] = True  # its gradients are summed here
    reads_as_trained: ClassVar[bool] = True  # prompts, with the mask that init_from learned them
    headline: ClassVar[str] = "policy/reward"
    measured: ClassVar[tuple[str, ...]] = ()  # figures of a loss that the stage takes itself

    @abstractmethod
    def phase(self, batch: Any) -> list[list[Term]]:
        """The updates that a loader item gives, each as the terms it descends together."""

    def training_step(self, batch: Any, batch_idx: int) -> None:
        self._sums: dict[str, Tensor] = {}
        rate = self._set_rate()
        updates = self.phase(batch)
        done = [
            self._update(terms, index + 1 == len(updates)) for index, terms in enumerate(updates)
        ]
        now = time.perf_counter()
        self.elapsed_seconds += now - self._clock
        self._clock = now
        loss, norm = (sum(column) / len(done) for column in zip(*done, strict=True))
        peak = self._optimizers()[0].param_groups[0]["peak_lr"]
        self._record(loss, norm, rate * peak, len(done))
        figures = self.figures()
        self.latest |= figures
        if self.is_due(self.trainer.global_step):
            self._log(figures)

    def is_due(self, step: int) -> bool:
        """Whether the figures of a step (counted from 1) go to the log."""
        return step % self.log_every_steps == 0 or step in (1, self.plan.num_steps)

    def _update(self, terms: list[Term], last: bool) -> tuple[float, float]:
        """One optimizer update on the sum of the terms; its loss and the norm of its gradient."""
        loss = sum([self._backward(term) for term in terms], 0.0)
        self._reduce_gradients()
        norm = self._clip()
        decision = self.guard.decide(loss, norm)
        if decision == "rewind":
            raise Rewind(self.trainer.global_step)
        optimizers = self._optimizers()
        if decision != "step":
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
        for index, optimizer in enumerate(optimizers):
            (optimizer if last and index == 0 else optimizer.optimizer).step()
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        return loss, norm

    def _backward(self, term: Term) -> float:
        """Adds the gradient of weight * the term's mean over all ranks; returns that value."""
        count = int(self._sum_over_ranks(term.count.to(self.device)))
        if count == 0:
            return 0.0  # nothing to learn from: no gradient, and so no step
        total = torch.zeros((), device=self.device)
        for micro in term.batch.split(term.micro):
            part = term.score(micro)
            if part.total.requires_grad:
                with self._no_sync():
                    self.manual_backward(part.total * (term.weight / count))
            total += part.total.detach()
            for name, value in part.metrics.items():
                if name not in self.measured:
                    self.add(f"policy/{name}", value, term.per(micro))
        return term.weight * float(self._sum_over_ranks(total)) / count

    def _reduce_gradients(self) -> None:
        if self.trainer.world_size == 1:
            return
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad.copy_(self._sum_over_ranks(parameter.grad))

    def _clip(self) -> float:
        """Clips the gradient of every model on its own; returns the norm of all together."""
        limit = self.optim.clip_norm if self.optim.clip_norm is not None else math.inf
        groups = self.clipped_together()
        return math.hypot(*(float(nn.utils.clip_grad_norm_(each, limit)) for each in groups))

    def clipped_together(self) -> list[list[nn.Parameter]]:
        """Parameters whose gradients share one norm."""
        return [[p for p in self.trained.parameters() if p.requires_grad]]

    # ---- figures of a phase

    def add(self, name: str, values: Tensor, count: Tensor | int | None = None) -> None:
        """Adds to a figure: values that are averaged, or whose sum is divided by `count`."""
        number = values.numel() if count is None else int(count)
        total = values.detach().to(torch.float64).sum().cpu()
        pair = torch.stack((total, torch.tensor(number, dtype=torch.float64)))
        self._sums[name] = self._sums.get(name, torch.zeros(2, dtype=torch.float64)) + pair

    def figures(self) -> dict[str, float]:
        """The means of what was added, over all ranks."""
        if not self._sums:
            return {}
        names = sorted(self._sums)
        page = torch.stack([self._sums[name] for name in names]).to(self.device)
        page = self._sum_over_ranks(page).cpu()
        return {name: float(t / c) for name, (t, c) in zip(names, page, strict=True) if c > 0}
