"""Denoising is noise mask x input rule x target rule; here are the rules, as pure functions.

A rule is given tokens (B, L) int64, noise (B, L) bool (True: hidden) and real (B, L) bool (False:
padding), and returns rows of unequal length. No rule loops over rows or tokens.
Source: Raffel et al. 2020 (T5) section 3.1.4 and table 3, rows S0-03 to S0-09.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of unequal length: of tokens (B, L) int64 those where keep (B, L) bool, in order."""

    tokens: np.ndarray
    keep: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, (B,)."""
        return np.count_nonzero(self.keep, axis=1)

    def only(self, rows: np.ndarray) -> Ragged:
        """The same, with every row empty where rows (B,) bool is False."""
        return Ragged(self.tokens, self.keep & rows[:, None])


def column(token: int | np.ndarray, num_rows: int) -> Ragged:
    """One token a row: the same for all, or token (B,)."""
    tokens = np.broadcast_to(np.asarray(token, np.int64).reshape(-1, 1), (num_rows, 1))
    return Ragged(tokens, np.ones((num_rows, 1), bool))


def join(*parts: Ragged) -> Ragged:
    """Rows one after another, part by part."""
    return Ragged(
        np.concatenate([part.tokens for part in parts], axis=1),
        np.concatenate([part.keep for part in parts], axis=1),
    )


def pack(rows: Ragged, width: int, fill: int) -> np.ndarray:
    """(B, width) int64: the tokens of each row from the left, then `fill`. No row is longer."""
    packed = np.full((len(rows.tokens), width), fill, np.int64)
    packed[np.arange(width) < rows.lengths[:, None]] = rows.tokens[rows.keep]
    return packed


# ---- spans


def span_starts(noise: np.ndarray) -> np.ndarray:
    """(B, L) bool: the first token of every run of hidden tokens."""
    starts = noise.copy()
    starts[:, 1:] &= ~noise[:, :-1]
    return starts


def roll(noise: np.ndarray, num_real: np.ndarray, by: np.ndarray) -> np.ndarray:
    """(B, L) bool: the first num_real (B,) places of each row moved right by (B,), in a circle."""
    length = np.maximum(num_real, 1)[:, None]
    index = np.arange(noise.shape[1])
    moved = np.take_along_axis(noise, (index - by[:, None]) % length, axis=1)
    return moved & (index < num_real[:, None])


def suffix(num_real: np.ndarray, length: int, num_visible: np.ndarray) -> np.ndarray:
    """(B, length) bool: what is real from place num_visible (B,) on."""
    index = np.arange(length)
    return (index >= num_visible[:, None]) & (index < num_real[:, None])


def _names(starts: np.ndarray, sentinels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sentinel of the span that each token is in (B, L), and the one after the last (B,).

    Raises: ValueError when a row has as many spans as there are sentinels, or more.
    """
    number = np.cumsum(starts, axis=1, dtype=np.int32)
    last = number[:, -1]
    if last.max(initial=0) >= len(sentinels):
        raise ValueError(
            f"a row has {last.max()} hidden spans, and {len(sentinels)} sentinels name at most "
            f"{max(0, len(sentinels) - 1)}; set a lower objective.rate or a smaller data.seq_len"
        )
    return sentinels[number - 1], sentinels[last]


# ---- input rules


def mask_tokens(tokens: np.ndarray, noise: np.ndarray, mask: int | np.ndarray) -> np.ndarray:
    """(B, L): every hidden token is the mask token, or that of an array of replacements (B, L)."""
    return np.where(noise, mask, tokens)


def keep_visible(tokens: np.ndarray, noise: np.ndarray, real: np.ndarray) -> Ragged:
    """The tokens that are not hidden; nothing stands for the others."""
    return Ragged(tokens, real & ~noise)


def name_spans(
    tokens: np.ndarray, noise: np.ndarray, real: np.ndarray, sentinels: np.ndarray
) -> Ragged:
    """The visible tokens, and one sentinel for each run of hidden ones: `Thank you <X> me to`."""
    starts = span_starts(noise)
    names, _ = _names(starts, sentinels)
    return Ragged(np.where(starts, names, tokens), real & (starts | ~noise))


# ---- target rules


def keep_hidden(tokens: np.ndarray, noise: np.ndarray, real: np.ndarray) -> Ragged:
    """The hidden tokens, one after another."""
    return Ragged(tokens, real & noise)


def spell_spans(tokens: np.ndarray, noise: np.ndarray, sentinels: np.ndarray) -> Ragged:
    """Each run of hidden tokens after its sentinel, then one more: `<X> for inviting <Y> last <Z>`.

    Differs: T5 leaves the last sentinel out where a row ends with a hidden token, and the first
    where it begins with one, so that the two sides of T5 then count from different sentinels.
    """
    starts = span_starts(noise)
    names, after = _names(starts, sentinels)
    rows, length = tokens.shape
    both = np.stack([names, tokens], axis=2).reshape(rows, 2 * length)
    keep = np.stack([starts, noise], axis=2).reshape(rows, 2 * length)
    return join(Ragged(both, keep), column(after, rows))
