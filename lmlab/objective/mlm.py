"""Masked language modelling: predict hidden tokens from both sides (BERT, RoBERTa, SpanBERT)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import Example, Head, Lengths, Loss, SegmentBatch, TokenBatch, Vocab, Window
from lmlab.objective.clm import restarting_positions
from lmlab.objective.cross_entropy import fused_cross_entropy
from lmlab.objective.noise import iid_mask, scatter, to_integers, to_uniform
from lmlab.objective.word_noise import geometric_spans, whole_word_mask, word_numbers

ACTION, REPLACEMENT = 20, 21  # salts


@dataclass(frozen=True, slots=True)
class Noise:
    """What happens to a batch: chosen (B, T) bool, and for each chosen place its draw and token.

    draw (N,) in [0, 1): below mask_fraction the place is masked, then replaced, then kept;
    replacement (N,) int64: the token for a place that is replaced.
    """

    chosen: np.ndarray
    draw: np.ndarray
    replacement: np.ndarray


def corrupt(
    tokens: np.ndarray, noise: Noise, mask: int, mask_fraction: float, random_fraction: float
) -> np.ndarray:
    """(B, T) tokens with the chosen places masked, replaced or kept, as their draws say."""
    result = tokens.copy()
    kept = tokens[noise.chosen]
    replaced = np.where(noise.draw < mask_fraction + random_fraction, noise.replacement, kept)
    result[noise.chosen] = np.where(noise.draw < mask_fraction, mask, replaced)
    return result


class MaskedLanguageModelling:
    """Predict the tokens that were chosen, sum over chosen i of -log P(x_i | corrupted x).

    A row is `cls` and a window of the stream. Of the ordinary tokens `rate` are chosen, anew each
    epoch; of those mask_fraction become `mask`, random_fraction another ordinary token, keep_fraction
    stay, and all are predicted. masking: single tokens; whole words; or spans of words with lengths
    geometric in span_p, at most max_span, that are masked, replaced or kept as one. word_starts gives
    the table that tells words (word_noise.word_numbers); without one, spans count tokens.
    Mask: the chosen places. `eos`, `cls` and padding are never chosen.
    Source: rows S3-28, S3-29, S4-14, S4-15; RoBERTa section 4.1; SpanBERT section 3.1.
    Differs: exactly `rate` of each row; no span-boundary objective; with `cross_documents` false,
    attention stays inside a document and positions restart.
    """

    fits: ClassVar[tuple[str, ...]] = ("encoder",)
    fills: ClassVar[tuple[str, ...]] = ("encoder",)
    specials: ClassVar[str] = "marks"
    only_with: ClassVar[dict[str, dict[str, tuple[str, ...]]]] = {
        "span_p": {"masking": ("span",)},
        "max_span": {"masking": ("span",)},
    }

    def __init__(
        self,
        *,
        vocab: Vocab,
        word_starts: Callable[[], np.ndarray | None] | None,
        rate: float,
        mask_fraction: float,
        random_fraction: float,
        keep_fraction: float,
        masking: Literal["token", "whole_word", "span"],
        span_p: float | None,
        max_span: int | None,
    ) -> None:
        if vocab.mask is None or vocab.cls is None or vocab.sep is None or vocab.pad is None:
            raise ValueError("masked language modelling needs the tokens mask, cls, sep and pad")
        self.vocab = vocab
        self.word_starts = word_starts() if word_starts and masking != "token" else None
        self.mask, self.cls, self.sep, self.pad = vocab.mask, vocab.cls, vocab.sep, vocab.pad
        self.rate, self.masking = rate, masking
        self.mask_fraction, self.random_fraction = mask_fraction, random_fraction
        self.keep_fraction, self.span_p, self.max_span = keep_fraction, span_p, max_span
        self._check()
        self.is_ordinary = ordinary_tokens(vocab)
        self.ordinary = np.flatnonzero(self.is_ordinary)

    def _check(self) -> None:
        if not 0 < self.rate <= 1:
            raise ValueError(f"objective.rate={self.rate} must be above 0 and at most 1")
        fractions = self.mask_fraction, self.random_fraction, self.keep_fraction
        if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
            raise ValueError(
                "objective.mask_fraction, objective.random_fraction and objective.keep_fraction "
                f"are {', '.join(map(str, fractions))}; each must be 0 or more and their sum 1"
            )
        if self.masking == "whole_word" and self.word_starts is None:
            raise ValueError(
                "objective.masking=whole_word needs a tokenizer that tells where words begin, such "
                "as tokenizer=bpe; or set objective.masking=token"
            )
        if self.masking == "span":
            if self.span_p is None or self.max_span is None:
                raise ValueError(
                    "objective.masking=span needs objective.span_p and objective.max_span; "
                    "objective=span_mlm sets them to 0.2 and 10"
                )
            if not (0 < self.span_p <= 1 and self.max_span >= 1):
                raise ValueError(
                    f"objective.span_p={self.span_p} must be above 0 and at most 1, and "
                    f"objective.max_span={self.max_span} 1 or more"
                )

    def window(self, seq_len: int) -> Window:
        """Windows that do not overlap, one token shorter than a row: `cls` stands before them."""
        if seq_len < 2:
            raise ValueError(f"data.seq_len={seq_len}: objective=mlm needs 2 or more")
        return Window(length=seq_len - 1, stride=seq_len - 1)

    def lengths(self, seq_len: int) -> Lengths:
        """Every token goes through the encoder, the chosen ones are scored."""
        return Lengths(source=0, target=seq_len, scored=self.rate * (seq_len - 1))

    def collate(
        self, examples: list[Example], seeds: np.ndarray, cross_documents: bool
    ) -> TokenBatch:
        """Windows of T - 1 tokens become rows of T; padding and documents are told apart by number."""
        rows, is_real = stacked(examples, self.pad)
        tokens = np.pad(rows, ((0, 0), (1, 0)), constant_values=self.cls)
        noise = self.noise(seeds, tokens)
        documents = self._documents(rows, is_real, cross_documents)
        positions = None
        if documents is not None and not cross_documents:
            positions = restarting_positions(documents)
        return TokenBatch(
            torch.from_numpy(self.corrupt(tokens, noise)),
            torch.from_numpy(tokens),
            torch.from_numpy(noise.chosen),
            positions,
            documents,
        )

    def _documents(
        self, rows: np.ndarray, is_real: np.ndarray, cross_documents: bool
    ) -> Tensor | None:
        """(B, T) document numbers, `cls` in the first document, -1 for padding; None: nothing to hide."""
        if cross_documents and is_real.all():
            return None
        opens = np.zeros_like(is_real) if cross_documents else rows == self.vocab.eos
        numbers = np.where(is_real, opens.cumsum(axis=1), -1)
        first = np.maximum(numbers[:, :1], 0)
        return torch.from_numpy(np.concatenate([first, numbers], axis=1))

    def corrupt(self, tokens: np.ndarray, noise: Noise) -> np.ndarray:
        """(B, T) tokens with this objective's fractions."""
        return corrupt(tokens, noise, self.mask, self.mask_fraction, self.random_fraction)

    def noise(self, seeds: np.ndarray, tokens: np.ndarray) -> Noise:
        """What is hidden in each row of tokens (B, T): ordinary tokens only."""
        valid = self.is_ordinary[tokens]
        chosen, units = self._choose(seeds, tokens, valid)
        rows, places = np.nonzero(chosen)
        draw = to_uniform(scatter(seeds[rows], units[rows, places], ACTION))
        bits = scatter(seeds[rows], places, REPLACEMENT)
        return Noise(chosen, draw, self.ordinary[to_integers(bits, len(self.ordinary))])

    def _choose(
        self, seeds: np.ndarray, tokens: np.ndarray, valid: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(B, T) bool: chosen; (B, T) int64: places of equal number share one draw."""
        places = np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape)
        if self.masking == "token":
            return iid_mask(seeds, valid, self.rate), places
        words = word_numbers(tokens, valid, self.word_starts)
        if self.masking == "whole_word":
            return whole_word_mask(seeds, words, self.rate), places
        assert self.span_p is not None and self.max_span is not None
        spans = geometric_spans(seeds, words, self.rate, self.span_p, self.max_span)
        return spans >= 0, spans

    def loss(self, hidden: Tensor, head: Head, batch: TokenBatch | SegmentBatch) -> Loss:
        """hidden (B, T, D): the summed negative log-likelihood of the chosen tokens in nats."""
        total, nll = fused_cross_entropy(hidden, head, batch.targets, batch.mask)
        return Loss(total, batch.mask.sum(), {"nll": nll.detach()})


def stacked(examples: list[Example], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows as tokens (B, L) int64, `pad` beyond the text, and where the text is (B, L) bool."""
    real = np.array([example.num_real for example in examples])
    rows = np.stack([example.tokens for example in examples]).astype(np.int64)
    is_real = np.arange(rows.shape[1]) < real[:, None]
    return np.where(is_real, rows, pad), is_real


def ordinary_tokens(vocab: Vocab) -> np.ndarray:
    """(V,) bool: tokens that text can have, as opposed to special ones."""
    marks = vocab.eos, vocab.pad, vocab.mask, vocab.cls, vocab.sep, vocab.turn_start, vocab.turn_end
    result = np.ones(vocab.size, bool)
    result[[mark for mark in marks if mark is not None]] = False
    result[list(vocab.sentinels)] = False
    return result
