"""Cutting a token stream into windows: no token is lost, none is counted twice."""

from __future__ import annotations

import numpy as np

from lmlab.batch import Example, Window


def ceil_div(number: int, by: int) -> int:
    """number / by, rounded up."""
    return -(-number // by)


def num_windows(num_tokens: int, window: Window) -> int:
    """How many windows it takes to reach the end of a stream of `num_tokens`.

    Windows start at 0, stride, 2 x stride ...; each shares length - stride tokens with the one
    before it and adds at least one. Raises: ValueError for windows that would leave tokens out.
    """
    if not 0 < window.stride <= window.length:
        raise ValueError(f"a window needs 0 < stride <= length, got {window}")
    if num_tokens <= window.length - window.stride:
        return 0
    return 1 + max(0, ceil_div(num_tokens - window.length, window.stride))


def cut(tokens: np.ndarray, window: Window, index: int, fill: int) -> Example:
    """Window `index` of a stream: tokens (length,), the places beyond the stream's end are `fill`."""
    start = index * window.stride
    part = tokens[start : start + window.length]
    if len(part) == window.length:
        return Example(np.array(part), window.length)
    padded = np.full(window.length, fill, tokens.dtype)
    padded[: len(part)] = part
    return Example(padded, len(part))


def empty(window: Window, fill: int, dtype: np.dtype) -> Example:
    """An example without a real token: it makes batches equally long on every process."""
    return Example(np.full(window.length, fill, dtype), 0)
