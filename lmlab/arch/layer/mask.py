"""Who may attend to whom: built once a forward pass, used by every layer.

Mask: True means "this key is seen".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lmlab.arch.layer.flex import blocks_of

# `lmlab.batch` has it too: the number of a document that all later tokens of its row see.
SEEN_BY_ALL = -(2**31)


@dataclass(frozen=True, slots=True)
class AttentionMask:
    """Either the fast causal path (`is_causal`) or a dense mask, never both; neither: all is seen.

    dense: bool, broadcastable to (B, H, T queries, S keys), or None;
    bias: added to the scores, broadcastable to (B, H, T, S), or None (T5's relative positions);
    blocks: the dense mask as flex_attention takes it, where that is used.
    """

    is_causal: bool
    dense: Tensor | None = None
    bias: Tensor | None = None
    blocks: Any = None


def causal_mask(
    num_queries: int,
    num_keys: int,
    documents: Tensor | None,
    device: torch.device,
    prefix: Tensor | None = None,
) -> AttentionMask:
    """Causal attention; `documents` (B, S) also keeps it within equal numbers.

    Tokens of the document SEEN_BY_ALL are seen from all documents that come after them.
    prefix (B, S) bool: keys that queries before them see too (row S0-12, causal with prefix).
    With a cache there are fewer queries than keys: the queries are the last ones.
    """
    if documents is None and prefix is None:
        if num_queries == num_keys:
            return AttentionMask(is_causal=True)
        if num_queries == 1:
            return AttentionMask(is_causal=False)
    query = torch.arange(num_keys - num_queries, num_keys, device=device)[:, None]
    dense = query >= torch.arange(num_keys, device=device)[None, :]
    if prefix is not None:
        dense = dense | prefix[:, None, :]
    if documents is not None:
        same = documents[:, -num_queries:, None] == documents[:, None, :]
        dense = dense & (same | (documents == SEEN_BY_ALL)[:, None, :])
    dense = dense if dense.dim() == 2 else dense[:, None]
    return AttentionMask(is_causal=False, dense=dense, blocks=blocks_of(dense))


def covering(mask: AttentionMask, num_held: int, num_keys: int) -> AttentionMask:
    """The mask of one query over `num_held` keys, for a cache that holds num_keys with unused ones."""
    if num_keys == num_held:
        return mask
    more = (0, num_keys - num_held)
    bias = None if mask.bias is None else F.pad(mask.bias, more)
    if mask.dense is None:
        return AttentionMask(is_causal=False, dense=torch.arange(num_keys) < num_held, bias=bias)
    return AttentionMask(is_causal=False, dense=F.pad(mask.dense, more), bias=bias)


def full_mask(documents: Tensor | None) -> AttentionMask:
    """Everything sees everything; `documents` (B, T) keeps attention within equal numbers."""
    if documents is None:
        return AttentionMask(is_causal=False)
    same = (documents[:, :, None] == documents[:, None, :])[:, None]
    return AttentionMask(is_causal=False, dense=same, blocks=blocks_of(same))


def key_mask(real: Tensor | None) -> AttentionMask:
    """Every query sees the keys that are real: real (B, S) bool, None: all. For cross-attention.

    On a CPU, where looking costs nothing, rows without padding get no mask and the faster kernel.
    """
    if real is None or (real.device.type == "cpu" and bool(real.all())):
        return AttentionMask(is_causal=False)
    return AttentionMask(is_causal=False, dense=real[:, None, None, :])
