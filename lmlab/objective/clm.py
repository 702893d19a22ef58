"""Causal language modelling: predict every token from those before it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import Example, Head, Lengths, Loss, TokenBatch, Vocab, Window
from lmlab.objective.cross_entropy import fused_cross_entropy


class CausalLanguageModelling:
    """Next-token prediction, sum over i of -log P(u_i | u_<i).

    Mask: every token of the stream counts once, the `eos` that ends a document included.
    Source: row S3-22 (GPT-1 equation 1), row S2-05; z-loss: PaLM section 5.
    Differs: with `cross_documents` false, attention stays inside a document and positions restart.
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder",)
    # Its loss a token is the text's own, which no model gets below the entropy rate of the source.
    of_all_text: ClassVar[bool] = True

    def __init__(self, *, vocab: Vocab, z_loss: float) -> None:
        if z_loss < 0:
            raise ValueError(f"objective.z_loss={z_loss} is negative; 0 turns it off")
        self.vocab, self.z_loss = vocab, z_loss

    def window(self, seq_len: int) -> Window:
        """Windows overlap by one token: the last target of one is the first input of the next."""
        return Window(length=seq_len + 1, stride=seq_len)

    def collate(
        self, examples: list[Example], seeds: np.ndarray, cross_documents: bool
    ) -> TokenBatch:
        """Windows of T + 1 tokens become inputs and targets of T; `seeds` is not used."""
        stream = torch.from_numpy(
            np.stack([example.tokens for example in examples]).astype(np.int64)
        )
        real = torch.tensor([example.num_real for example in examples])
        tokens, targets = stream[:, :-1].contiguous(), stream[:, 1:].contiguous()
        mask = torch.arange(1, stream.shape[1])[None, :] < real[:, None]
        if cross_documents:
            return TokenBatch(tokens, targets, mask)
        documents = (tokens == self.vocab.eos).cumsum(dim=1)
        return TokenBatch(tokens, targets, mask, restarting_positions(documents), documents)

    def lengths(self, seq_len: int) -> Lengths:
        """Every token goes through the decoder and is scored."""
        return Lengths(source=0, target=seq_len, scored=seq_len)

    def loss(self, hidden: Tensor, head: Head, batch: TokenBatch) -> Loss:
        """hidden (B, T, D): the summed negative log-likelihood in nats."""
        total, nll = fused_cross_entropy(hidden, head, batch.targets, batch.mask, self.z_loss)
        return Loss(total, batch.mask.sum(), {"nll": nll.detach()})


def restarting_positions(documents: Tensor) -> Tensor:
    """(B, T) document numbers, rising along a row, to positions that restart with each document."""
    index = torch.arange(documents.shape[1]).expand_as(documents)
    starts = torch.ones_like(documents, dtype=torch.bool)
    starts[:, 1:] = documents[:, 1:] != documents[:, :-1]
    return index - torch.where(starts, index, 0).cummax(dim=1).values
