"""Prefix language modelling: the first part of a text is given, the rest is predicted."""

from __future__ import annotations

import numpy as np
import torch

from lmlab.batch import Example, Lengths, Seq2SeqBatch, TokenBatch, Vocab, Window
from lmlab.objective.clm import restarting_positions
from lmlab.objective.denoise import Ragged, keep_hidden, keep_visible, suffix
from lmlab.objective.noise import uniform
from lmlab.objective.rate import check_rate
from lmlab.objective.seq2seq import Size, SourceToTarget

SPLIT_SALT = 24


class PrefixLanguageModelling(SourceToTarget):
    """`Thank you for inviting` to `me to your party last week .`

    prefix_fraction: the share of a row that is the prefix; None: every split is equally likely.
    On a decoder a row is the text itself, without a separator: the last token of the prefix
    predicts the first one after it, windows overlap by one token as in objective=clm, and
    data.cross_documents=false keeps attention inside a document.
    Source: row S0-03; Liu et al. 2018; Raffel et al. 2020 section 3.1.4.
    """

    def __init__(
        self,
        *,
        vocab: Vocab,
        kind: str,
        prefix_fraction: float | None,
        prefix_attention: bool,
        z_loss: float,
    ) -> None:
        super().__init__(vocab, kind, prefix_attention, z_loss)
        if prefix_fraction is not None:
            check_rate("objective.prefix_fraction", prefix_fraction)
        self.prefix_fraction = prefix_fraction

    def corrupt(
        self, tokens: np.ndarray, real: np.ndarray, seeds: np.ndarray
    ) -> tuple[Ragged, Ragged]:
        """The prefix, and the rest."""
        num_real = real.sum(axis=1)
        split = split_points(seeds, num_real, self.prefix_fraction)
        noise = suffix(num_real, tokens.shape[1], split)
        return keep_visible(tokens, noise, real), keep_hidden(tokens, noise, real)

    def size(self, num_tokens: int) -> Size:
        """A uniform split leaves anything from 1 to num_tokens - 1 tokens on either side."""
        return prefix_size(num_tokens, self.prefix_fraction)

    def window(self, seq_len: int) -> Window:
        """On a decoder as in objective=clm, overlapping by one token."""
        if self.kind == "decoder":
            return Window(length=seq_len + 1, stride=seq_len)
        return super().window(seq_len)

    def lengths(self, seq_len: int) -> Lengths:
        """On a decoder the target has no end mark."""
        if self.kind == "decoder":
            return Lengths(0, seq_len, self.size(seq_len + 1).mean_target)
        return super().lengths(seq_len)

    def collate(
        self, examples: list[Example], seeds: np.ndarray, cross_documents: bool
    ) -> Seq2SeqBatch | TokenBatch:
        """On a decoder: rows of text, of which those after the split count."""
        if self.kind != "decoder":
            return super().collate(examples, seeds, cross_documents)
        stream = torch.from_numpy(np.stack([e.tokens for e in examples]).astype(np.int64))
        num_real = np.array([example.num_real for example in examples])
        split = split_points(seeds, num_real, self.prefix_fraction)
        counted = torch.from_numpy(suffix(num_real, stream.shape[1], split))
        tokens, targets = stream[:, :-1].contiguous(), stream[:, 1:].contiguous()
        prefix = torch.from_numpy(np.arange(tokens.shape[1]) < split[:, None])
        documents = None if cross_documents else (tokens == self.vocab.eos).cumsum(dim=1)
        return TokenBatch(
            tokens=tokens,
            targets=targets,
            mask=counted[:, 1:],
            positions=None if documents is None else restarting_positions(documents),
            documents=documents,
            prefix=prefix if self.prefix_attention else None,
        )


def split_points(
    seeds: np.ndarray, num_real: np.ndarray, prefix_fraction: float | None
) -> np.ndarray:
    """(B,) int64: how many of num_real (B,) tokens are the prefix, 1 .. num_real - 1; 1 of one."""
    if prefix_fraction is None:
        split = 1 + np.floor(uniform(seeds, 1, SPLIT_SALT)[:, 0] * (num_real - 1))
    else:
        split = np.rint(prefix_fraction * num_real)
    return np.maximum(np.minimum(split, num_real - 1), np.minimum(num_real, 1)).astype(np.int64)


def prefix_size(num_tokens: int, prefix_fraction: float | None) -> Size:
    """Of num_tokens that are divided in two."""
    if prefix_fraction is None:
        return Size(num_tokens - 1, num_tokens - 1, num_tokens, num_tokens / 2)
    split = split_points(np.zeros(1, np.uint64), np.array([num_tokens]), prefix_fraction)
    rest = num_tokens - int(split[0])
    return Size(num_tokens - rest, rest, num_tokens, rest)
