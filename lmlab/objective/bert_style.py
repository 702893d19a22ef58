"""BERT-style denoising: hidden tokens are masked or made random, the whole text is the target."""

from __future__ import annotations

import numpy as np

from lmlab.batch import Vocab
from lmlab.objective.denoise import Ragged, mask_tokens
from lmlab.objective.noise import iid_mask, integers, uniform
from lmlab.objective.rate import check_fraction, check_rate
from lmlab.objective.seq2seq import Size, SourceToTarget, special_token

RANDOM_SALT, TOKEN_SALT = 22, 23


class BertStyle(SourceToTarget):
    """`Thank you <M> <M> me to your party apple week .` to the original text.

    Exactly round(rate x L) tokens are hidden; each becomes a random token that is not special with
    probability random_fraction, else the mask token.
    Source: row S0-04; Raffel et al. 2020 section 3.1.4: 90 % mask, 10 % random.
    Differs: BERT itself also leaves 10 % as they are and predicts the hidden tokens only
    (objective=mlm).
    """

    def __init__(
        self,
        *,
        vocab: Vocab,
        kind: str,
        rate: float,
        random_fraction: float,
        prefix_attention: bool,
        z_loss: float,
    ) -> None:
        super().__init__(vocab, kind, prefix_attention, z_loss)
        self.rate = check_rate("objective.rate", rate)
        self.random_fraction = check_fraction("objective.random_fraction", random_fraction)
        self.mask, self.text_tokens = special_token(vocab, "mask"), text_tokens(vocab)

    def corrupt(
        self, tokens: np.ndarray, real: np.ndarray, seeds: np.ndarray
    ) -> tuple[Ragged, Ragged]:
        """A mask token or a random one for each hidden token, and all tokens."""
        noise = iid_mask(seeds, real, self.rate)
        length = tokens.shape[1]
        is_random = uniform(seeds, length, RANDOM_SALT) < self.random_fraction
        picked = self.text_tokens[integers(seeds, length, len(self.text_tokens), TOKEN_SALT)]
        shown = np.where(is_random, picked, self.mask)
        return Ragged(mask_tokens(tokens, noise, shown), real), Ragged(tokens, real)

    def size(self, num_tokens: int) -> Size:
        """Source and target are as long as the window."""
        return Size(num_tokens, num_tokens, 2 * num_tokens, num_tokens)


def text_tokens(vocab: Vocab) -> np.ndarray:
    """(N,) int64: the ids of the vocabulary that are not special."""
    marks = (vocab.pad, vocab.mask, vocab.cls, vocab.sep, vocab.turn_start, vocab.turn_end)
    special = [mark for mark in (vocab.eos, *marks, *vocab.sentinels) if mark is not None]
    return np.setdiff1d(np.arange(vocab.size), special)
