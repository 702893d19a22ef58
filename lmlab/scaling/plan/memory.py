"""Memory of one device during training, by what holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lmlab.scaling.plan.flops import Checkpointing
from lmlab.scaling.plan.shape import Shape, num_params

Precision = Literal["fp32", "bf16_mixed", "bf16_master", "bf16"]

# Bytes a parameter of (weights, working copy for matrix products, gradients, Adam's state).
# fp32: all single. bf16_mixed: torch autocast, which casts single-precision weights as they are used.
# bf16_master: weights and gradients in 2 bytes, a single master copy in the optimizer (ZeRO's 16).
# bf16: everything in 2 bytes.
BYTES: dict[str, tuple[int, int, int, int]] = {
    "fp32": (4, 0, 4, 8),
    "bf16_mixed": (4, 2, 4, 8),
    "bf16_master": (2, 0, 2, 12),
    "bf16": (2, 0, 2, 4),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a model lies on devices.

    zero: 0 every device keeps all (DDP, or one device), 1 shards the optimizer's state, 2 gradients
    too, 3 weights too (FSDP); tensor: devices that share every matrix; data: copies that share the
    batch, over which zero shards; checkpointing: blocks keeps only the input of every block.
    """

    zero: Literal[0, 1, 2, 3] = 0
    data: int = 1
    tensor: int = 1
    precision: Precision = "bf16_mixed"
    checkpointing: Checkpointing = "none"
    fused_attention: bool = True
    fused_loss: bool = True

    def __post_init__(self) -> None:
        for name in ("data", "tensor"):
            if getattr(self, name) < 1:
                raise ValueError(f"layout.{name}={getattr(self, name)} must be 1 or more")

    @property
    def num_devices(self) -> int:
        return self.data * self.tensor


def memory_by_part(
    shape: Shape, layout: Layout, micro_tokens: int, seq_len: int
) -> dict[str, float]:
    """Bytes on one device at the peak of a step, by part.

    micro_tokens: tokens a data copy takes through the model at once. "communication" is
    DDP's buckets, as large as the gradients; or the gradients of one block on their way, and with
    stage 3 the weights of two blocks held whole.
    Source: Rajbhandari et al. 2020 (ZeRO) section 3; Korthikanti et al. 2022 for activations.
    """
    weight, working, gradient, state = BYTES[layout.precision]
    params = num_params(shape) / layout.tensor
    shards = [layout.data if layout.zero >= stage else 1 for stage in (1, 2, 3)]
    return {
        "weights": params * weight / shards[2],
        "working copy": 0.0 if layout.zero == 3 else params * working,
        "gradients": params * gradient / shards[1],
        "optimizer": params * state / shards[0],
        "communication": _communication(shape, layout, params, weight, working, gradient),
        "activations": activation_bytes(shape, layout, micro_tokens, seq_len),
        "logits": _logit_bytes(shape, layout, micro_tokens),
    }


def _communication(
    shape: Shape, layout: Layout, params: float, weight: int, working: int, gradient: int
) -> float:
    if layout.data == 1:
        return 0.0
    if layout.zero == 0:
        return params * gradient
    unit = params * shape.block_weights / max(1, num_params(shape)) / shape.num_blocks
    if layout.zero < 3:
        return unit * gradient
    return 2.0 * unit * (working or weight) + unit * gradient


def activation_elements(shape: Shape, seq_len: int, fused_attention: bool) -> tuple[float, float]:
    """Numbers kept for the backward pass: a token of one block, and a token between blocks.

    A block keeps the inputs of its norms and matrices, queries, keys, values, the mixed values, and
    what its feed-forward layer needs: 2 ff_width, 4 where gated. Without fused attention also the
    weights of every head over the sequence. Dropout masks are not counted.
    """
    ff = (2 if shape.ff_matrices == 2 else 4) * shape.ff_width
    attention = 2 * shape.width + 2 * shape.query_width + 2 * shape.kv_width
    scores = 0 if fused_attention else 2 * shape.num_heads * seq_len
    cross = attention + scores if shape.num_encoder_layers else 0
    share = shape.num_layers / shape.num_blocks
    return attention + scores + share * cross + 2 * shape.width + ff, float(shape.width)


def activation_bytes(shape: Shape, layout: Layout, micro_tokens: int, seq_len: int) -> float:
    """Bytes of activations on one device; the input of a block is not divided by `tensor`."""
    size = 4 if layout.precision == "fp32" else 2
    block, between = activation_elements(shape, seq_len, layout.fused_attention)
    whole = 4.0 * shape.width  # inputs and outputs of the two norms
    one = micro_tokens * (whole + (block - whole) / layout.tensor)
    ends = 2.0 * micro_tokens * shape.width
    if layout.checkpointing == "blocks":
        return size * (shape.num_blocks * micro_tokens * between + one + ends)
    return size * (shape.num_blocks * one + ends)


def _logit_bytes(shape: Shape, layout: Layout, micro_tokens: int) -> float:
    """Logits and their gradient in single precision; fused: one chunk of 8 MiB and its copy."""
    all_logits = 2.0 * 4.0 * micro_tokens * shape.vocab_size / layout.tensor
    return min(all_logits, 16.0 * 2**20) if layout.fused_loss else all_logits


def total_memory(shape: Shape, layout: Layout, micro_tokens: int, seq_len: int) -> float:
    """Bytes on one device at the peak of a step, without fragmentation and the runtime's own."""
    return sum(memory_by_part(shape, layout, micro_tokens, seq_len).values())
