"""Independent noise with spans replaced: single tokens are hidden, neighbours share a sentinel."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from lmlab.batch import Vocab
from lmlab.objective.denoise import Ragged, name_spans, spell_spans
from lmlab.objective.noise import iid_mask, num_hidden
from lmlab.objective.rate import check_rate
from lmlab.objective.seq2seq import Size, SourceToTarget


class ReplaceSpans(SourceToTarget):
    """`Thank you <X> me to your party <Y> week .` to `<X> for inviting <Y> last <Z>`.

    Exactly round(rate x L) tokens are hidden, every subset equally likely.
    Source: row S0-07; Raffel et al. 2020 section 3.1.4, "i.i.d. noise, replace spans".
    Differs: T5 hides each token with probability rate, so its number varies.
    """

    specials: ClassVar[str] = "sentinels"
    fills: ClassVar[tuple[str, ...]] = ("encoder_decoder",)

    def __init__(
        self, *, vocab: Vocab, kind: str, rate: float, prefix_attention: bool, z_loss: float
    ) -> None:
        super().__init__(vocab, kind, prefix_attention, z_loss)
        self.rate = check_rate("objective.rate", rate)

    def corrupt(
        self, tokens: np.ndarray, real: np.ndarray, seeds: np.ndarray
    ) -> tuple[Ragged, Ragged]:
        """Sentinels for the runs of hidden tokens, and those runs after their sentinels."""
        noise = iid_mask(seeds, real, self.rate)
        source = name_spans(tokens, noise, real, self.sentinels)
        return source, spell_spans(tokens, noise, self.sentinels)

    def size(self, num_tokens: int) -> Size:
        """As many spans as hidden tokens when no two are neighbours."""
        hidden = int(num_hidden(np.array([num_tokens]), self.rate)[0])
        spans = min(hidden, num_tokens - hidden + 1)
        mean_spans = hidden * (num_tokens - hidden + 1) / num_tokens
        return Size(
            source=num_tokens - hidden + spans,
            target=hidden + spans + 1,
            both=num_tokens + 2 * spans + 1,
            mean_target=hidden + mean_spans + 1,
            spans=spans,
        )
