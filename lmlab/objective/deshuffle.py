"""Deshuffling: the tokens in random order are the input, the text is the target."""

from __future__ import annotations

import numpy as np

from lmlab.batch import Vocab
from lmlab.objective.denoise import Ragged
from lmlab.objective.noise import permutation
from lmlab.objective.seq2seq import Size, SourceToTarget


class Deshuffle(SourceToTarget):
    """`party me for your to . last you inviting week Thank` to the original text.

    Every order of a row's tokens is equally likely.
    Source: row S0-05; Liu et al. 2019 as Raffel et al. 2020 section 3.1.4 use it.
    Differs: the printed example has a word, `fun`, that the text has not; it is left out here.
    """

    def __init__(self, *, vocab: Vocab, kind: str, prefix_attention: bool, z_loss: float) -> None:
        super().__init__(vocab, kind, prefix_attention, z_loss)

    def corrupt(
        self, tokens: np.ndarray, real: np.ndarray, seeds: np.ndarray
    ) -> tuple[Ragged, Ragged]:
        """All tokens in random order, and in order."""
        order = permutation(seeds, real)
        return Ragged(np.take_along_axis(tokens, order, axis=1), real), Ragged(tokens, real)

    def size(self, num_tokens: int) -> Size:
        """Source and target are as long as the window."""
        return Size(num_tokens, num_tokens, 2 * num_tokens, num_tokens)
