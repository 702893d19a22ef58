"""Learning to answer: the cross entropy of the responses of conversations."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from lmlab.batch import Head, Lengths, Loss
from lmlab.objective.cross_entropy import fused_cross_entropy


class Response:
    """Sum of -log P(token | what stands before it) over the tokens that the data scores.

    Behaviour cloning of one answer a prompt (row S1-31); which tokens count is `data.loss`.
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder", "encoder_decoder")
    family: ClassVar[str] = "response"

    def __init__(self, *, kind: str, z_loss: float) -> None:
        if z_loss < 0:
            raise ValueError(f"objective.z_loss={z_loss} is negative; 0 turns it off")
        self.kind, self.z_loss = kind, z_loss

    def lengths(self, seq_len: int) -> Lengths:
        """At most seq_len tokens of a row, about half of them scored."""
        source = seq_len // 2 if self.kind == "encoder_decoder" else 0
        return Lengths(source=source, target=seq_len - source, scored=0.5 * seq_len)

    def loss(self, hidden: Tensor, head: Head, batch: Any) -> Loss:
        """hidden (B, T, D) of a TokenBatch or Seq2SeqBatch: the sum in nats."""
        total, nll = fused_cross_entropy(hidden, head, batch.targets, batch.mask, self.z_loss)
        return Loss(total, batch.mask.sum(), {"nll": nll.detach()})
