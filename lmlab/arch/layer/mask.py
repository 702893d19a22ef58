"""Who may attend to whom: built once a forward pass, used by every layer.

Mask: True means "this key is seen".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class AttentionMask:
    """Either the fast causal path (`is_causal`) or a dense mask, never both.

    dense: bool, broadcastable to (B, H, T queries, T keys), or None.
    """

    is_causal: bool
    dense: Tensor | None = None


def causal_mask(
    num_queries: int, num_keys: int, documents: Tensor | None, device: torch.device
) -> AttentionMask:
    """Causal attention; `documents` (B, T) also keeps it within equal numbers.

    With a cache there are fewer queries than keys: the queries are the last ones.
    """
    if documents is None and num_queries == num_keys:
        return AttentionMask(is_causal=True)
    if documents is None and num_queries == 1:
        return AttentionMask(is_causal=False)
    query = torch.arange(num_keys - num_queries, num_keys, device=device)[:, None]
    dense = query >= torch.arange(num_keys, device=device)[None, :]
    if documents is not None:
        same = documents[:, -num_queries:, None] == documents[:, None, :]
        dense = (dense & same)[:, None]
    return AttentionMask(is_causal=False, dense=dense)
