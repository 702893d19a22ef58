"""UL2's mixture of denoisers: short spans, long spans and prefixes, each announced by a token."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lmlab.batch import Vocab
from lmlab.objective.denoise import (
    Ragged,
    column,
    join,
    keep_hidden,
    keep_visible,
    name_spans,
    spell_spans,
    suffix,
)
from lmlab.objective.noise import span_mask, uniform
from lmlab.objective.prefix_lm import prefix_size, split_points
from lmlab.objective.random_spans import rolled, span_size
from lmlab.objective.rate import check_mean_span, check_rate
from lmlab.objective.seq2seq import Size, SourceToTarget

MODES = ("regular", "extreme", "sequential")
MODE_SALT = 28


class UL2(SourceToTarget):
    """Each row is denoised in one of three ways, chosen by weights: R, X or S.

    R, regular: few short spans as in objective=random_spans; X, extreme: many or long spans;
    S, sequential: prefix language modelling with a uniform split. The source begins with the mode's
    token: the last three sentinels are [R], [X] and [S], and never name a span.
    Source: Tay et al. 2022 (UL2) section 3.
    Differs: one setting each for R and X, where UL2 has two and four.
    """

    specials: ClassVar[str] = "sentinels"
    fills: ClassVar[tuple[str, ...]] = ("encoder_decoder",)

    def __init__(
        self,
        *,
        vocab: Vocab,
        kind: str,
        weights: dict[str, float],
        regular_rate: float,
        regular_mean_span: float,
        extreme_rate: float,
        extreme_mean_span: float,
        random_roll: bool,
        prefix_attention: bool,
        z_loss: float,
    ) -> None:
        super().__init__(vocab, kind, prefix_attention, z_loss)
        self.weights = _shares(weights)
        self.mode_tokens, self.sentinels = self.sentinels[-3:][::-1], self.sentinels[:-3]
        self.rates = np.array(
            [
                check_rate("objective.regular_rate", regular_rate),
                check_rate("objective.extreme_rate", extreme_rate),
            ]
        )
        self.mean_spans = np.array(
            [
                check_mean_span("objective.regular_mean_span", regular_mean_span),
                check_mean_span("objective.extreme_mean_span", extreme_mean_span),
            ]
        )
        self.random_roll = random_roll

    def modes(self, seeds: np.ndarray) -> np.ndarray:
        """(B,) int64: 0, 1 or 2, the place of each row's denoiser in MODES."""
        edges = np.cumsum(self.weights)[:-1]
        return np.searchsorted(edges, uniform(seeds, 1, MODE_SALT)[:, 0], side="right")

    def corrupt(
        self, tokens: np.ndarray, real: np.ndarray, seeds: np.ndarray
    ) -> tuple[Ragged, Ragged]:
        """The mode's token and what its denoiser leaves, and what that hides."""
        num_real, mode = real.sum(axis=1), self.modes(seeds)
        noise = self._noise(seeds, num_real, tokens.shape[1], mode)
        spans = mode < 2
        source = join(
            column(self.mode_tokens[mode], len(tokens)),
            name_spans(tokens, noise, real, self.sentinels).only(spans),
            keep_visible(tokens, noise, real).only(~spans),
        )
        target = join(
            spell_spans(tokens, noise, self.sentinels).only(spans),
            keep_hidden(tokens, noise, real).only(~spans),
        )
        return source, target

    def _noise(
        self, seeds: np.ndarray, num_real: np.ndarray, length: int, mode: np.ndarray
    ) -> np.ndarray:
        which = np.minimum(mode, 1)
        noise = span_mask(seeds, num_real, length, self.rates[which], self.mean_spans[which])
        if self.random_roll:
            noise = rolled(noise, num_real, seeds)
        rest = suffix(num_real, length, split_points(seeds, num_real, None))
        return np.where((mode == 2)[:, None], rest, noise)

    def size(self, num_tokens: int) -> Size:
        """The longest of the denoisers that have a weight, and the mode's token."""
        sizes = [
            span_size(num_tokens, float(rate), float(span), self.random_roll)
            for rate, span in zip(self.rates, self.mean_spans, strict=True)
        ]
        sizes.append(prefix_size(num_tokens, None))
        used = [size for size, weight in zip(sizes, self.weights, strict=True) if weight]
        means = [size.mean_target for size in sizes]
        return Size(
            source=1 + max(size.source for size in used),
            target=max(size.target for size in used),
            both=1 + max(size.both for size in used),
            mean_target=float(np.dot(self.weights, means)),
            spans=max(size.spans for size in used),
        )


def _shares(weights: dict[str, float]) -> np.ndarray:
    """(3,) float64, summing to 1, in the order of MODES. Raises: ValueError for anything else."""
    values = [weights.get(mode, 0.0) for mode in MODES]
    if set(weights) - set(MODES) or min(values) < 0 or not sum(values) > 0:
        raise ValueError(
            f"objective.weights={weights} must give {', '.join(MODES)} weights of 0 or more, at "
            f"least one above 0"
        )
    return np.array(values) / sum(values)
