"""Independent noise with tokens dropped: nothing in the input says where something is missing."""

from __future__ import annotations

import numpy as np

from lmlab.batch import Vocab
from lmlab.objective.denoise import Ragged, keep_hidden, keep_visible
from lmlab.objective.noise import iid_mask, num_hidden
from lmlab.objective.rate import check_rate
from lmlab.objective.seq2seq import Size, SourceToTarget


class DropTokens(SourceToTarget):
    """`Thank you me to your party week .` to `for inviting last`.

    Exactly round(rate x L) tokens are hidden, every subset equally likely.
    Source: row S0-08; Raffel et al. 2020 section 3.1.4, "i.i.d. noise, drop tokens".
    """

    def __init__(
        self, *, vocab: Vocab, kind: str, rate: float, prefix_attention: bool, z_loss: float
    ) -> None:
        super().__init__(vocab, kind, prefix_attention, z_loss)
        self.rate = check_rate("objective.rate", rate)

    def corrupt(
        self, tokens: np.ndarray, real: np.ndarray, seeds: np.ndarray
    ) -> tuple[Ragged, Ragged]:
        """The visible tokens, and the hidden ones in order."""
        noise = iid_mask(seeds, real, self.rate)
        return keep_visible(tokens, noise, real), keep_hidden(tokens, noise, real)

    def size(self, num_tokens: int) -> Size:
        """Every token is in one of the two."""
        hidden = int(num_hidden(np.array([num_tokens]), self.rate)[0])
        return Size(num_tokens - hidden, hidden, num_tokens, hidden)
