"""MASS-style denoising: hidden tokens become mask tokens, the whole text is the target."""

from __future__ import annotations

import numpy as np

from lmlab.batch import Vocab
from lmlab.objective.denoise import Ragged, mask_tokens
from lmlab.objective.noise import iid_mask
from lmlab.objective.rate import check_rate
from lmlab.objective.seq2seq import Size, SourceToTarget, special_token


class Mass(SourceToTarget):
    """`Thank you <M> <M> me to your party <M> week .` to the original text.

    Exactly round(rate x L) tokens are hidden, every subset equally likely.
    Source: row S0-06; Song et al. 2019 as Raffel et al. 2020 section 3.1.4 simplify it.
    """

    def __init__(
        self, *, vocab: Vocab, kind: str, rate: float, prefix_attention: bool, z_loss: float
    ) -> None:
        super().__init__(vocab, kind, prefix_attention, z_loss)
        self.rate = check_rate("objective.rate", rate)
        self.mask = special_token(vocab, "mask")

    def corrupt(
        self, tokens: np.ndarray, real: np.ndarray, seeds: np.ndarray
    ) -> tuple[Ragged, Ragged]:
        """A mask token for each hidden token, and all tokens."""
        noise = iid_mask(seeds, real, self.rate)
        return Ragged(mask_tokens(tokens, noise, self.mask), real), Ragged(tokens, real)

    def size(self, num_tokens: int) -> Size:
        """Source and target are as long as the window."""
        return Size(num_tokens, num_tokens, 2 * num_tokens, num_tokens)
