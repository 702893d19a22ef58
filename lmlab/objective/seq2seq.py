"""From a source and a target to a batch: for an encoder-decoder, or in one row for a decoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import Example, Head, Lengths, Loss, Seq2SeqBatch, TokenBatch, Vocab, Window
from lmlab.objective.cross_entropy import fused_cross_entropy
from lmlab.objective.denoise import Ragged, column, join, pack


@dataclass(frozen=True, slots=True)
class Size:
    """What becomes of a window, in tokens: the longest source, target, and both in one row.

    mean_target: the target's mean length; spans: the most sentinels before the last one.
    End marks and the separator are not counted.
    """

    source: int
    target: int
    both: int
    mean_target: float
    spans: int = 0


def encoder_decoder_batch(source: Ragged, target: Ragged, vocab: Vocab, size: Size) -> Seq2SeqBatch:
    """source + eos (B, S); the decoder reads pad and then the target, and predicts target + eos.

    A row without a target counts nothing and keeps the eos of its source, so that an encoder always
    has a token to see.
    """
    num_rows, has_target = len(target.tokens), target.lengths > 0
    end, pad = column(vocab.eos, num_rows), special_token(vocab, "pad")
    source, target = join(source, end), join(target, end.only(has_target))
    targets = torch.from_numpy(pack(target, size.target + 1, pad))
    tokens = targets.roll(1, dims=1)
    tokens[:, 0] = pad
    return Seq2SeqBatch(
        source=torch.from_numpy(pack(source, size.source + 1, pad)),
        source_mask=_first(source.lengths, size.source + 1),
        tokens=tokens,
        targets=targets,
        mask=_first(target.lengths, size.target + 1),
    )


def decoder_batch(
    source: Ragged, target: Ragged, vocab: Vocab, size: Size, prefix_attention: bool
) -> TokenBatch:
    """source, sep, target, eos in one row of T + 1 tokens; loss on the target and its eos.

    The separator predicts the first target, as `pad` does where the decoder is one of its own.
    prefix_attention: all of the source is seen by every token, else attention is causal. Padding
    stands at the end, where no real token sees it.
    """
    num_rows, has_target = len(target.tokens), target.lengths > 0
    start = column(special_token(vocab, "sep"), num_rows)
    end = column(vocab.eos, num_rows).only(has_target)
    width, row = size.both + 2, join(source, start, target, end)
    stream = torch.from_numpy(pack(row, width, special_token(vocab, "pad")))
    before = _first(source.lengths, width)
    mask = _first(row.lengths, width)[:, 1:] & ~before[:, :-1]
    return TokenBatch(
        tokens=stream[:, :-1].contiguous(),
        targets=stream[:, 1:].contiguous(),
        mask=mask,
        prefix=before[:, :-1].contiguous() if prefix_attention else None,
    )


def _first(lengths: np.ndarray, width: int) -> Tensor:
    """(B, width) bool: True in the first lengths (B,) places of a row."""
    return torch.from_numpy(np.arange(width) < lengths[:, None])


def special_token(vocab: Vocab, name: str) -> int:
    """The id of the mark of that name. Raises: ValueError where the vocabulary has none."""
    token: int | None = getattr(vocab, name)
    if token is None:
        raise ValueError(f"the vocabulary has no {name} token, which this objective needs")
    return token


class SourceToTarget(ABC):
    """An objective that makes a source and a target of each window of a token stream.

    A subclass says what becomes of the tokens (`corrupt`) and how long it can get (`size`).
    Windows are cut without regard to documents: an `eos` inside one is an ordinary token, which may
    be hidden, moved or predicted, as in T5, which packs documents too.
    Mask: every token of the target and its end mark.
    Raises: ValueError for data.cross_documents=false, since a target belongs to no one document.
    """

    fits: ClassVar[tuple[str, ...]] = ("encoder_decoder", "decoder")
    specials: ClassVar[str] = "marks"
    # Values that have no effect on an architecture of that kind; refused before anything is built.
    idle_on: ClassVar[dict[str, dict[str, object]]] = {
        "encoder_decoder": {"prefix_attention": False}
    }

    def __init__(self, vocab: Vocab, kind: str, prefix_attention: bool, z_loss: float) -> None:
        if z_loss < 0:
            raise ValueError(f"objective.z_loss={z_loss} is negative; 0 turns it off")
        if kind == "encoder_decoder" and not prefix_attention:
            raise ValueError(
                "objective.prefix_attention=false has no effect on an encoder-decoder, whose "
                "encoder sees all of the source; leave it true, or choose a decoder: arch=gpt_tiny"
            )
        self.vocab, self.kind, self.z_loss = vocab, kind, z_loss
        self.prefix_attention = prefix_attention
        self.sentinels = np.array(vocab.sentinels, np.int64)

    @abstractmethod
    def corrupt(
        self, tokens: np.ndarray, real: np.ndarray, seeds: np.ndarray
    ) -> tuple[Ragged, Ragged]:
        """tokens (B, L) int64, real (B, L) bool, seeds (B,) uint64: sources and targets."""

    @abstractmethod
    def size(self, num_tokens: int) -> Size:
        """What a window of num_tokens can become."""

    def window(self, seq_len: int) -> Window:
        """The longest window whose source and target fit in seq_len each, or in one row on a decoder.

        Raises: ValueError when none fits, or when it can need more sentinels than there are.
        Source: T5's random_spans_helper: 568 tokens for 512 of source where 15 % are hidden.
        """
        both = 2 if self.kind == "encoder_decoder" else 1
        for length in range(both * seq_len, 1, -1):
            size = self.size(length)
            if self._longest(size) <= seq_len:
                self._check_sentinels(seq_len, size)
                return Window(length, length)
        raise ValueError(f"data.seq_len={seq_len} is too short for this objective; set 16 or more")

    def _longest(self, size: Size) -> int:
        if self.kind == "encoder_decoder":
            return max(size.source, size.target) + 1
        return size.both + 1

    def _check_sentinels(self, seq_len: int, size: Size) -> None:
        most = max(0, len(self.sentinels) - 1)
        if size.spans > most:
            raise ValueError(
                f"data.seq_len={seq_len} can hide {size.spans} spans, and the vocabulary's "
                f"sentinels name {most}; set data.seq_len={seq_len * most // size.spans} or a "
                f"lower rate, or hide longer spans: objective=random_spans"
            )

    def lengths(self, seq_len: int) -> Lengths:
        """Widths of a batch; scored: the target's mean length and its end mark."""
        size = self.size(self.window(seq_len).length)
        scored = size.mean_target + 1
        if self.kind == "encoder_decoder":
            return Lengths(source=size.source + 1, target=size.target + 1, scored=scored)
        return Lengths(source=0, target=size.both + 1, scored=scored)

    def collate(
        self, examples: list[Example], seeds: np.ndarray, cross_documents: bool
    ) -> Seq2SeqBatch | TokenBatch:
        """A batch whose shape depends on the window's length only, a row on its seed only."""
        if not cross_documents:
            raise ValueError(
                "data.cross_documents=false cannot be kept by this objective: its source and its "
                "target take tokens of all documents of a window; set data.cross_documents=true"
            )
        tokens = np.stack([example.tokens for example in examples]).astype(np.int64)
        num_real = np.array([example.num_real for example in examples])
        real = np.arange(tokens.shape[1]) < num_real[:, None]
        source, target = self.corrupt(tokens, real, seeds)
        source, target = source.only(num_real > 0), target.only(num_real > 0)
        size = self.size(tokens.shape[1])
        if self.kind == "encoder_decoder":
            return encoder_decoder_batch(source, target, self.vocab, size)
        return decoder_batch(source, target, self.vocab, size, self.prefix_attention)

    def loss(self, hidden: Tensor, head: Head, batch: Seq2SeqBatch | TokenBatch) -> Loss:
        """hidden (B, T, D): the summed negative log-likelihood of the targets in nats."""
        total, nll = fused_cross_entropy(hidden, head, batch.targets, batch.mask, self.z_loss)
        return Loss(total, batch.mask.sum(), {"nll": nll.detach()})
