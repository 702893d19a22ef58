"""Masked language modelling with next-sentence prediction, as BERT was pretrained."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lmlab.batch import Example, Head, Lengths, Loss, SegmentBatch, Vocab, Window
from lmlab.objective.mlm import MaskedLanguageModelling, stacked
from lmlab.objective.noise import uniform
from lmlab.objective.segments import NUM_OTHERS, join_segments, partners, split_places

IS_NEXT = 32  # salt


class NextSentencePrediction(MaskedLanguageModelling):
    """MLM on `cls` A `sep` B `sep`, and from `cls` whether B follows A in the text.

    A window is cut in two inside a document. With next_fraction B is its second part, otherwise the
    same places of another window of the corpus, drawn by the sample's seed, so that lengths tell
    nothing. A corpus of one window has real neighbours only.
    Units: the mean is nats a chosen token plus nats a row; each row's next-sentence term counts as
    often as it has chosen tokens, so that the mean does not depend on micro-batches. Metrics
    next_sentence_nll and next_sentence_correct are weighted alike.
    Source: rows S3-30, S3-31, S4-16; BERT section 3.1 and appendix A.2.
    Differs: segments are cut at any token, not at sentences. With `cross_documents` false attention
    stays inside a document, and `cls` belongs to the one on both sides of the cut.
    """

    uses: ClassVar[tuple[str, ...]] = ("next_sentence",)

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
        next_fraction: float,
    ) -> None:
        super().__init__(
            vocab=vocab,
            word_starts=word_starts,
            rate=rate,
            mask_fraction=mask_fraction,
            random_fraction=random_fraction,
            keep_fraction=keep_fraction,
            masking=masking,
            span_p=span_p,
            max_span=max_span,
        )
        if not 0 < next_fraction < 1:
            raise ValueError(
                f"objective.next_fraction={next_fraction} must be above 0 and below 1; "
                "objective=mlm has no next-sentence prediction"
            )
        self.next_fraction = next_fraction

    def window(self, seq_len: int) -> Window:
        """Windows that do not overlap, three tokens shorter than a row: `cls`, `sep` and `sep`."""
        if seq_len < 5:
            raise ValueError(f"data.seq_len={seq_len}: objective=mlm_nsp needs 5 or more")
        return Window(length=seq_len - 3, stride=seq_len - 3, others=NUM_OTHERS)

    def lengths(self, seq_len: int) -> Lengths:
        """Every token goes through the encoder, the chosen ones are scored."""
        return Lengths(source=0, target=seq_len, scored=self.rate * (seq_len - 3))

    def collate(  # type: ignore[override]
        self, examples: list[Example], seeds: np.ndarray, cross_documents: bool
    ) -> SegmentBatch:
        """Windows of T - 3 tokens become rows of T of two segments."""
        rows, is_real = stacked(examples, self.pad)
        num_real = is_real.sum(axis=1)
        split = split_places(seeds, self._inside(rows, is_real), num_real)
        others, others_real = self._others(examples, rows.shape[1])
        other = partners(
            self._inside(others, others_real), others_real.sum(axis=2), num_real, split
        )
        is_next = (uniform(seeds, 1, IS_NEXT)[:, 0] < self.next_fraction) | (other < 0)
        second = np.where(is_next[:, None], rows, others[np.arange(len(rows)), other])
        tokens, segments = join_segments(
            rows, second, split, num_real, (self.cls, self.sep, self.pad)
        )
        noise = self.noise(seeds, tokens)
        return SegmentBatch(
            tokens=torch.from_numpy(self.corrupt(tokens, noise)),
            targets=torch.from_numpy(tokens),
            mask=torch.from_numpy(noise.chosen),
            segments=torch.from_numpy(segments),
            is_next=torch.from_numpy(is_next.astype(np.int64)),
            documents=self._documents_of_pairs(tokens, split, num_real, cross_documents),
        )

    def _inside(self, rows: np.ndarray, is_real: np.ndarray) -> np.ndarray:
        """Where a document goes on, of rows (..., L)."""
        inside = (rows != self.vocab.eos) & is_real
        inside[..., 1:] &= rows[..., :-1] != self.vocab.eos
        inside[..., 0] = False
        return inside

    def _others(self, examples: list[Example], length: int) -> tuple[np.ndarray, np.ndarray]:
        """The other windows of each example (B, K, L) and where they are text; K is 1 or more."""
        most = max(1, *(len(example.others) for example in examples))
        none = Example(np.zeros(length, np.int64), 0)
        flat = [
            other
            for example in examples
            for other in (*example.others, *[none] * (most - len(example.others)))
        ]
        rows, is_real = stacked(flat, self.pad)
        shape = len(examples), most, length
        return rows.reshape(shape), is_real.reshape(shape)

    def _documents_of_pairs(
        self, tokens: np.ndarray, split: np.ndarray, num_real: np.ndarray, cross_documents: bool
    ) -> Tensor | None:
        """(B, T): `cls` and both `sep` with the document at the cut; -1 for padding; None: no need."""
        place = np.arange(tokens.shape[1])
        middle, last = split[:, None] + 1, num_real[:, None] + 2
        if cross_documents and (last == tokens.shape[1] - 1).all():
            return None
        is_mark = (place == 0) | (place == middle) | (place == last)
        opens = (tokens == self.vocab.eos) & ~is_mark & (not cross_documents)
        numbers = opens.cumsum(axis=1)
        at_cut = np.take_along_axis(numbers, middle, axis=1)
        return torch.from_numpy(np.where(place > last, -1, np.where(is_mark, at_cut, numbers)))

    def loss(self, hidden: Tensor, head: Head, batch: SegmentBatch) -> Loss:  # type: ignore[override]
        """hidden (B, T, D): the masked tokens' loss, and the next-sentence loss of every row.

        The head's next_sentence has logit 0 for "follows" and 1 for "does not", as BERT's weights do.
        """
        if head.next_sentence is None:
            raise ValueError(
                "objective=mlm_nsp needs an architecture with a next-sentence head, such as "
                "arch=bert_tiny; or set objective=mlm"
            )
        masked = super().loss(hidden, head, batch)
        logits = head.next_sentence(hidden).float()
        weight = batch.mask.sum(dim=1)
        nll = (F.cross_entropy(logits, 1 - batch.is_next, reduction="none") * weight).sum()
        correct = (logits.argmax(dim=1) == 1 - batch.is_next) * weight
        metrics = {"next_sentence_nll": nll.detach(), "next_sentence_correct": correct.sum()}
        return Loss(masked.total + nll, masked.count, masked.metrics | metrics)
