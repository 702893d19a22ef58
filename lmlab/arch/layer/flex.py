"""Attention that skips what documents and prefixes hide: torch's flex_attention, on a GPU."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_TOKENS = 128  # one block; shorter rows gain nothing
MIN_HEAD_WIDTH = 16  # of the kernel


@torch.compiler.disable  # type: ignore[untyped-decorator]
def blocks_of(dense: Tensor) -> Any:
    """The BlockMask of a mask (T, T) or (B, 1, T, T), True: seen; None where it is not used.

    Used for training on a GPU where a first try on small tensors gave what dense attention gives.
    """
    if dense.device.type != "cuda" or not torch.is_grad_enabled():
        return None
    square = dense.shape[-1] == dense.shape[-2] >= MIN_TOKENS
    return block_mask(dense) if square and works(dense.device.type) else None


def block_mask(dense: Tensor) -> Any:
    """The same mask in blocks of 128 by 128, those that are hidden as a whole left out."""
    from torch.nn.attention.flex_attention import create_block_mask

    pages = dense.reshape(-1, *dense.shape[-2:])

    def seen(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return pages[batch, query, key]

    def seen_in_all(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return pages[0, query, key]

    num_pages, num_queries, num_keys = pages.shape
    return create_block_mask(
        seen if num_pages > 1 else seen_in_all,
        num_pages if num_pages > 1 else None,
        None,
        num_queries,
        num_keys,
        device=str(dense.device),
    )


def flex_attend(
    query: Tensor, key: Tensor, value: Tensor, blocks: Any, scale: float | None
) -> Tensor:
    """softmax(Q K^T / sqrt(K)) V as in `attend`, of what `blocks` shows.

    Heads are copied into rows of their own: inside a compiled model some views are not lowered.
    """
    from torch.nn.attention.flex_attention import flex_attention

    grouped = key.shape[1] != query.shape[1]
    query, key, value = (part.contiguous() for part in (query, key, value))
    return flex_attention(  # type: ignore[return-value]
        query, key, value, block_mask=blocks, scale=scale, enable_gqa=grouped
    )


def product() -> Any:
    """`flex_attend` as one kernel; not compiled, flex_attention would make all scores."""
    return flex_attend if torch.compiler.is_compiling() else _compiled()


@functools.cache
def _compiled() -> Any:
    return torch.compile(flex_attend)


@functools.cache
def works(device: str) -> bool:
    """Whether value and gradients on this device are those of dense attention; said if not."""
    try:
        error = difference(device, product())
    except Exception as problem:
        warnings.warn(
            f"flex_attention does not run on this {device} device ({type(problem).__name__}); "
            "packed documents and prefixes are attended with dense masks",
            stacklevel=2,
        )
        return False
    return error < 0.02


def difference(device: str, attended: Any) -> float:
    """The largest difference of values and gradients to dense attention, on two packed rows."""
    generator = torch.Generator().manual_seed(0)
    shape = (3, 2, 2, 2 * MIN_TOKENS, MIN_HEAD_WIDTH)
    drawn = torch.randn(shape, generator=generator).to(device)
    with torch.enable_grad():
        query, key, value = (part.detach().requires_grad_() for part in drawn)
        documents = torch.arange(shape[3], device=device) // 50
        dense = (documents[:, None] == documents[None, :]).tril()
        found = attended(query, key, value, block_mask(dense), None)
        right = F.scaled_dot_product_attention(query, key, value, attn_mask=dense)
        pairs = [(found, right)]
        grads = [torch.autograd.grad(out.square().sum(), (query, key, value)) for out in pairs[0]]
    pairs += list(zip(*grads, strict=True))
    return max(float((one - other).detach().abs().max()) for one, other in pairs)
