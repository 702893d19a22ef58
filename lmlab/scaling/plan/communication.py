"""Bytes that one device sends in an optimizer step."""

from __future__ import annotations

from lmlab.scaling.plan.memory import BYTES, Layout
from lmlab.scaling.plan.shape import Shape, num_params


def ring_all_reduce(num_bytes: float, devices: int) -> float:
    """Bytes one device sends to sum an array over `devices` on a ring: 2 (n - 1) / n of it."""
    return 2.0 * (devices - 1) / devices * num_bytes


def ring_gather(num_bytes: float, devices: int) -> float:
    """Bytes one device sends to gather, or to reduce and scatter, the whole array on a ring."""
    return (devices - 1) / devices * num_bytes


def bytes_sent(
    shape: Shape, layout: Layout, micro_tokens: int, num_micro: int = 1
) -> dict[str, float]:
    """Bytes one device sends in one step of `num_micro` micro-batches, by collective.

    Stages 0 to 2 send gradients (and get weights) once a step; stage 3 gathers the weights for every
    micro-batch's forward and backward pass and scatters its gradients, within each replica, and sums
    the shares of gradients over replicas; tensor parallelism sums the output of every attention and
    feed-forward layer, forward and backward, and once more where blocks are done again.
    Source: Rajbhandari et al. 2020 section 7; Shoeybi et al. 2019 (Megatron-LM) section 3.
    """
    weight, _, gradient, _ = BYTES[layout.precision]
    params = num_params(shape) / layout.tensor
    found: dict[str, float] = {}
    if layout.data > 1 and layout.zero == 0:
        found["gradients, all-reduce"] = ring_all_reduce(params * gradient, layout.data)
    elif layout.data > 1 and layout.zero < 3:
        found["gradients, reduce-scatter"] = ring_gather(params * gradient, layout.data)
        found["weights, all-gather"] = ring_gather(params * weight, layout.data)
    elif layout.data > 1:
        passes = 1 if layout.keeps_blocks else 2
        sums = 1 if layout.keeps_gradients else num_micro
        gathered = passes * num_micro * params * layout.gathered
        found["weights, all-gather"] = ring_gather(gathered, layout.shards)
        found["gradients, reduce-scatter"] = ring_gather(sums * params * gradient, layout.shards)
        if layout.replicas > 1:
            share = sums * params * gradient / layout.shards
            found["gradients, all-reduce"] = ring_all_reduce(share, layout.replicas)
    if layout.tensor > 1:
        size = 4 if layout.precision == "fp32" else 2
        passes = 3 if layout.checkpointing == "blocks" else 2
        sums = passes * (shape.num_attentions + shape.num_blocks) * num_micro
        found["activations, all-reduce"] = sums * ring_all_reduce(
            float(size * micro_tokens * shape.width), layout.tensor
        )
    return found
