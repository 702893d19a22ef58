"""The attention product itself, by the fastest kernel for the device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lmlab.arch.layer.mask import AttentionMask

PLAIN_MAX_KEYS = 512


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: AttentionMask, dropout: float = 0.0
) -> Tensor:
    """softmax(Q K^T / sqrt(K)) V: query (B, H, T, K), key and value (B, H or fewer, S, K).

    Source: Vaswani et al. 2017, equation 1 (row S3-06).
    Differs: in bf16 on a CPU, up to 512 keys, the scores are two plain matrix products, 2.3 times
    as fast as torch's flash kernel there (benchmarks/README.md); elsewhere torch's choice.
    """
    short = key.shape[2] <= PLAIN_MAX_KEYS and key.shape[1] == query.shape[1]
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and short:
        return _plain(query, key, value, mask, dropout)
    return F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask.dense,
        is_causal=mask.is_causal,
        dropout_p=dropout,
        enable_gqa=key.shape[1] != query.shape[1],
    )


def _plain(
    query: Tensor, key: Tensor, value: Tensor, mask: AttentionMask, dropout: float
) -> Tensor:
    seen = mask.dense
    if mask.is_causal:
        seen = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool).tril()
    scores = query @ key.transpose(-1, -2)
    if seen is None:
        scores = scores * query.shape[-1] ** -0.5
    else:
        hidden = torch.zeros_like(seen, dtype=scores.dtype).masked_fill(~seen, -torch.inf)
        scores = torch.add(hidden, scores, alpha=query.shape[-1] ** -0.5)
    return F.dropout(scores.softmax(dim=-1), dropout) @ value
