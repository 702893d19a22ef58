"""The attention product itself, by the fastest kernel for the device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lmlab.arch.layer import flex
from lmlab.arch.layer.flex import MIN_HEAD_WIDTH
from lmlab.arch.layer.mask import AttentionMask

PLAIN_MAX_KEYS = 512


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: AttentionMask,
    dropout: float = 0.0,
    scale: float | None = None,
) -> Tensor:
    """softmax(Q K^T / sqrt(K)) V: query (B, H, T, K), key and value (B, H or fewer, S, K).

    scale: what the products are multiplied by; None: 1 / sqrt(K).
    Source: Vaswani et al. 2017, equation 1 (row S3-06).
    Raises: ValueError for a mask that is both causal and biased; make the mask dense then.
    Differs: in bf16 on a CPU, up to 512 keys, the scores are two plain matrix products, 2.3 times
    as fast as torch's flash kernel there (benchmarks/README.md), and so are those of a single query
    (decoding) in any dtype on a CPU; on a GPU a mask that has blocks goes through flex_attention,
    unless there is dropout, which it has not; elsewhere torch's choice.
    """
    if mask.is_causal and mask.bias is not None:
        raise ValueError("a causal mask with a bias must be dense")
    if query.device.type == "cpu" and query.shape[2] == 1 and mask.bias is None:
        return _one_query(query, key, value, mask, dropout, scale)
    short = key.shape[2] <= PLAIN_MAX_KEYS and key.shape[1] == query.shape[1]
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and short:
        return _plain(query, key, value, mask, dropout, scale)
    if mask.blocks is not None and not dropout and query.shape[-1] >= MIN_HEAD_WIDTH:
        return flex.product()(query, key, value, mask.blocks, scale)
    return F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=_added(mask, query.dtype),
        is_causal=mask.is_causal,
        dropout_p=dropout,
        scale=scale,
        enable_gqa=key.shape[1] != query.shape[1],
    )


def _one_query(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: AttentionMask,
    dropout: float,
    scale: float | None,
) -> Tensor:
    """As `_plain`, at any number of keys; heads that share keys become queries of one head."""
    heads = query.squeeze(2).unflatten(1, (key.shape[1], -1))
    mixed = _plain(heads, key, value, AttentionMask(False, mask.dense), dropout, scale)
    return mixed.flatten(1, 2).unsqueeze(2)


def _plain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: AttentionMask,
    dropout: float,
    scale: float | None,
) -> Tensor:
    scores, scale = query @ key.transpose(-1, -2), scale or query.shape[-1] ** -0.5
    added = _added(mask, scores.dtype)
    if mask.is_causal:
        added = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool).tril()
    if added is None:
        scores = scores * scale
    else:
        if added.dtype == torch.bool:
            added = torch.zeros_like(added, dtype=scores.dtype).masked_fill(~added, -torch.inf)
        scores = torch.add(added, scores, alpha=scale)
    return F.dropout(scores.softmax(dim=-1), dropout) @ value


def _added(mask: AttentionMask, dtype: torch.dtype) -> Tensor | None:
    """The mask as torch takes it: bool, or what is added to the scores where there is a bias."""
    if mask.bias is None:
        return mask.dense
    bias = mask.bias.to(dtype)
    return bias if mask.dense is None else bias.masked_fill(~mask.dense, -torch.inf)
