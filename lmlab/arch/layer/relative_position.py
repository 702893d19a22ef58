"""T5's relative positions: a learned number for each head and bucket of distances."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmlab.arch.layer.mask import AttentionMask
from lmlab.arch.layer.precision import in_compute_dtype


def buckets(distance: Tensor, num_buckets: int, max_distance: int, bidirectional: bool) -> Tensor:
    """Distances (key minus query, any shape, int64) to bucket numbers below num_buckets.

    Half of the buckets hold one distance each, the other half grows logarithmically up to
    max_distance; all beyond share the last one. Bidirectional: a key after its query has a bucket
    in the upper half; else all of those share bucket 0.
    Source: Raffel et al. 2020, section 2.1; mesh_tensorflow transformer_layers.py.
    """
    above = torch.zeros_like(distance)
    if bidirectional:
        num_buckets //= 2
        above = (distance > 0).long() * num_buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = num_buckets // 2
    growth = torch.log(distance.clamp(min=1).float() / exact) / math.log(max_distance / exact)
    far = (exact + (growth * (num_buckets - exact)).long()).clamp(max=num_buckets - 1)
    return above + torch.where(distance < exact, distance, far)


class RelativePosition(nn.Module):
    """What is added to the scores of every layer: (1, H, T queries, S keys).

    Raises: ValueError for fewer buckets, or a shorter distance, than the scheme can hold.
    """

    axes: ClassVar[dict[str, tuple[str | None, ...]]] = {"table": (None, "heads")}
    splits: ClassVar[tuple[str, ...]] = ("heads",)

    def __init__(
        self, num_buckets: int, max_distance: int, num_heads: int, *, bidirectional: bool
    ) -> None:
        super().__init__()
        if num_buckets < 4 or num_buckets % 4:
            raise ValueError(f"arch.num_buckets={num_buckets} must be a multiple of 4")
        if max_distance <= num_buckets // 2:
            raise ValueError(
                f"arch.max_distance={max_distance} must be above half of "
                f"arch.num_buckets={num_buckets}"
            )
        self.num_buckets, self.max_distance = num_buckets, max_distance
        self.bidirectional = bidirectional
        self.table = nn.Embedding(num_buckets, num_heads)

    def forward(self, num_queries: int, num_keys: int) -> Tensor:
        """With fewer queries than keys, the queries are the last ones.

        The number of a pair depends on its distance only, so that T + S - 1 are looked up, and the
        rows of the result are windows of them.
        """
        distance = torch.arange(1 - num_keys, num_queries, device=self.table.weight.device)
        number = buckets(distance, self.num_buckets, self.max_distance, self.bidirectional)
        line = F.embedding(number, self.table.weight).T
        return line.unfold(1, num_keys, 1).flip(1)[None]


def folded(mask: AttentionMask, bias: Tensor) -> AttentionMask:
    """The mask made one with the bias in the compute dtype, once for all layers."""
    bias = in_compute_dtype(bias)
    if mask.is_causal:
        size = bias.shape[-2:]
        dense = torch.ones(size, dtype=torch.bool, device=bias.device).tril()
    elif mask.dense is None:
        return AttentionMask(is_causal=False, bias=bias)
    else:
        dense = mask.dense
    return AttentionMask(is_causal=False, bias=bias.masked_fill(~dense, -torch.inf))
