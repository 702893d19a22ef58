"""Fill in the middle: a decoder learns to write the middle of a text from both of its sides."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import Example, Head, Lengths, Loss, TokenBatch, Vocab, Window
from lmlab.objective.cross_entropy import fused_cross_entropy
from lmlab.objective.denoise import Ragged, column, join, pack, suffix
from lmlab.objective.noise import uniform
from lmlab.objective.rate import check_fraction
from lmlab.objective.seq2seq import special_token

NUM_MARKS = 4  # prefix, suffix and middle marker, and the end mark of the middle
ROW_SALT, ORDER_SALT, CUT_SALT = 25, 26, 27


class FillInTheMiddle:
    """`<pre> Thank you <suf> party last week . <mid> for inviting me to your <eos>`.

    A row is cut in three with probability rate, at two uniform places. PSM writes prefix, suffix,
    middle, as above; SPM, with probability spm_rate of those, `<pre> <suf> suffix <mid> prefix
    middle <eos>`. The other rows are left as they are. The markers are the first three sentinels.
    Mask: every token after the first one, markers too: the objective is the plain causal one.
    Source: Bavarian et al. 2022, sections 3 and 4.
    Differs: cuts between tokens, not characters; a window counts as one document, so its parts may
    hold pieces of several (data.cross_documents=false is refused).
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder",)
    fills: ClassVar[tuple[str, ...]] = ("decoder",)
    specials: ClassVar[str] = "sentinels"

    def __init__(self, *, vocab: Vocab, rate: float, spm_rate: float, z_loss: float) -> None:
        if z_loss < 0:
            raise ValueError(f"objective.z_loss={z_loss} is negative; 0 turns it off")
        if len(vocab.sentinels) < 3:
            raise ValueError(f"3 sentinels are needed, the vocabulary has {len(vocab.sentinels)}")
        self.vocab, self.z_loss, self.pad = vocab, z_loss, special_token(vocab, "pad")
        self.rate = check_fraction("objective.rate", rate)
        self.spm_rate = check_fraction("objective.spm_rate", spm_rate)

    def window(self, seq_len: int) -> Window:
        """Windows leave room for the marks of a row that is cut."""
        if seq_len <= NUM_MARKS:
            raise ValueError(f"data.seq_len={seq_len} must be {NUM_MARKS + 1} or more")
        length = seq_len + 1 - NUM_MARKS
        return Window(length, length)

    def lengths(self, seq_len: int) -> Lengths:
        """A row that is not cut is shorter by its missing marks."""
        return Lengths(0, seq_len, seq_len - NUM_MARKS * (1 - self.rate))

    def collate(
        self, examples: list[Example], seeds: np.ndarray, cross_documents: bool
    ) -> TokenBatch:
        """Windows of L tokens become rows of L + 3; padding stands at their end."""
        if not cross_documents:
            raise ValueError(
                "data.cross_documents=false cannot be kept by objective=fill_in_the_middle, which "
                "moves parts of a window across its documents; set data.cross_documents=true"
            )
        tokens = np.stack([example.tokens for example in examples]).astype(np.int64)
        num_real = np.array([example.num_real for example in examples])
        cut = (uniform(seeds, 1, ROW_SALT)[:, 0] < self.rate) & (num_real > 0)
        spm = uniform(seeds, 1, ORDER_SALT)[:, 0] < self.spm_rate
        places = np.sort(uniform(seeds, 2, CUT_SALT) * (num_real[:, None] + 1), axis=1)
        row = rearrange(tokens, num_real, places.astype(np.int64), cut, spm, self.vocab)
        width = tokens.shape[1] + NUM_MARKS
        stream = torch.from_numpy(pack(row, width, self.pad))
        mask = torch.from_numpy(np.arange(1, width) < row.lengths[:, None])
        return TokenBatch(stream[:, :-1].contiguous(), stream[:, 1:].contiguous(), mask)

    def loss(self, hidden: Tensor, head: Head, batch: TokenBatch) -> Loss:
        """hidden (B, T, D): the summed negative log-likelihood in nats."""
        total, nll = fused_cross_entropy(hidden, head, batch.targets, batch.mask, self.z_loss)
        return Loss(total, batch.mask.sum(), {"nll": nll.detach()})


def rearrange(
    tokens: np.ndarray,
    num_real: np.ndarray,
    places: np.ndarray,
    cut: np.ndarray,
    spm: np.ndarray,
    vocab: Vocab,
) -> Ragged:
    """Rows of tokens (B, L) cut at places (B, 2), where cut (B,) says so; spm (B,): in that order.

    places[:, 0] tokens are the prefix, those from places[:, 1] on the suffix.
    """
    rows, length = tokens.shape
    first, second = np.minimum(places, num_real[:, None]).T
    prefix = Ragged(tokens, suffix(first, length, np.zeros_like(first)))
    middle = Ragged(tokens, suffix(second, length, first))
    after = Ragged(tokens, suffix(num_real, length, second))
    marks = [column(vocab.sentinels[index], rows).only(cut) for index in range(3)]
    return join(
        marks[0],
        prefix.only(~cut | ~spm),
        middle.only(~cut),
        marks[1],
        after,
        marks[2],
        prefix.only(cut & spm),
        middle.only(cut),
        column(vocab.eos, rows).only(cut),
    )
