"""Random spans, or span corruption: the denoising objective that T5 was trained with."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lmlab.batch import Vocab
from lmlab.objective.denoise import Ragged, name_spans, roll, spell_spans
from lmlab.objective.noise import span_counts, span_mask, uniform
from lmlab.objective.rate import check_mean_span, check_rate
from lmlab.objective.seq2seq import Size, SourceToTarget

ROLL_SALT = 21


class RandomSpans(SourceToTarget):
    """`Thank you <X> to <Y> week .` to `<X> for inviting me <Y> your party last <Z>`.

    round(rate x L) tokens are hidden in round(that / mean_span) spans, all divisions alike.
    random_roll: the spans are moved round the row by a random number of places; without it, as in
    T5, every row starts with a visible token and ends with a hidden one.
    Source: row S0-09; Raffel et al. 2020 section 3.3.4, `random_spans_noise_mask`.
    """

    specials: ClassVar[str] = "sentinels"
    fills: ClassVar[tuple[str, ...]] = ("encoder_decoder",)

    def __init__(
        self,
        *,
        vocab: Vocab,
        kind: str,
        rate: float,
        mean_span: float,
        random_roll: bool,
        prefix_attention: bool,
        z_loss: float,
    ) -> None:
        super().__init__(vocab, kind, prefix_attention, z_loss)
        self.rate = check_rate("objective.rate", rate)
        self.mean_span = check_mean_span("objective.mean_span", mean_span)
        self.random_roll = random_roll

    def corrupt(
        self, tokens: np.ndarray, real: np.ndarray, seeds: np.ndarray
    ) -> tuple[Ragged, Ragged]:
        """Sentinels for the spans, and the spans after their sentinels."""
        num_real = real.sum(axis=1)
        noise = span_mask(seeds, num_real, tokens.shape[1], self.rate, self.mean_span)
        if self.random_roll:
            noise = rolled(noise, num_real, seeds)
        source = name_spans(tokens, noise, real, self.sentinels)
        return source, spell_spans(tokens, noise, self.sentinels)

    def size(self, num_tokens: int) -> Size:
        """Rolling can cut one span in two at the row's ends."""
        return span_size(num_tokens, self.rate, self.mean_span, self.random_roll)


class CausalRandomSpans(RandomSpans):
    """Span corruption as a plain language model: attention is causal over the source too.

    Source: the "Language model, denoising" row of S4-22 (Raffel et al. 2020, table 2).
    """

    fits: ClassVar[tuple[str, ...]] = ("decoder",)
    fills: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        vocab: Vocab,
        kind: str,
        rate: float,
        mean_span: float,
        random_roll: bool,
        z_loss: float,
    ) -> None:
        super().__init__(
            vocab=vocab,
            kind=kind,
            rate=rate,
            mean_span=mean_span,
            random_roll=random_roll,
            prefix_attention=False,
            z_loss=z_loss,
        )


def rolled(noise: np.ndarray, num_real: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """(B, L) bool: each row of noise moved by a uniform number of places, in a circle."""
    by = (uniform(seeds, 1, ROLL_SALT)[:, 0] * num_real).astype(np.int64)
    return roll(noise, num_real, by)


def span_size(num_tokens: int, rate: float, mean_span: float, random_roll: bool) -> Size:
    """Of num_tokens with round(rate x num_tokens) hidden in spans of mean_span."""
    hidden, spans = (int(n[0]) for n in span_counts(np.array([num_tokens]), rate, mean_span))
    spans = min(spans + 1, hidden) if random_roll else spans
    return Size(
        source=num_tokens - hidden + spans,
        target=hidden + spans + 1,
        both=num_tokens + 2 * spans + 1,
        mean_target=hidden + spans + 1,
        spans=spans,
    )
