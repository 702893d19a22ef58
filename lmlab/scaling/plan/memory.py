"""Memory of one device during training, by what holds it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from lmlab.scaling.plan.flops import Checkpointing
from lmlab.scaling.plan.shape import Shape, num_params

PLAIN_MAX_KEYS = 512
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
    batch; replicas: groups of those that each shard by themselves; checkpointing: blocks keeps only
    the input of every block; gathered_bytes: a number of weights that stage 3 gathers, None: as its
    products need; keeps_blocks: gathered weights stay until backward; keeps_gradients: stage 3 keeps
    whole ones until the step's end; offload: what waits in the CPU's memory; buckets: DDP's, which
    hold the gradients from step to step.
    """

    zero: Literal[0, 1, 2, 3] = 0
    data: int = 1
    tensor: int = 1
    precision: Precision = "bf16_mixed"
    checkpointing: Checkpointing = "none"
    fused_attention: bool = True
    fused_loss: bool = True
    replicas: int = 1
    gathered_bytes: int | None = None
    keeps_blocks: bool = False
    keeps_gradients: bool = False
    offload: Literal["none", "optimizer", "all"] = "none"
    buckets: bool = True

    def __post_init__(self) -> None:
        for name in ("data", "tensor", "replicas"):
            if getattr(self, name) < 1:
                raise ValueError(f"layout.{name}={getattr(self, name)} must be 1 or more")

    @property
    def num_devices(self) -> int:
        return self.data * self.tensor

    @property
    def shards(self) -> int:
        """Devices that what is sharded is divided among."""
        return self.data // self.replicas

    @property
    def gathered(self) -> int:
        """Bytes a number of gathered weights."""
        weight, working, _, _ = BYTES[self.precision]
        wanted = working or weight
        return wanted if self.gathered_bytes is None else max(self.gathered_bytes, wanted)

    @property
    def frees_gradients(self) -> bool:
        """Whether no gradients lie there while the first micro-batch goes forward."""
        if self.zero == 0:
            return self.data == 1 or not self.buckets
        return self.zero == 3


def on_cpu(layout: Layout, seq_len: int) -> Layout:
    """As a CPU computes: bf16 attention up to 512 keys keeps its weights (lmlab/arch/layer/attend.py)."""
    fused = layout.precision == "fp32" or seq_len > PLAIN_MAX_KEYS
    return replace(layout, fused_attention=fused)


def memory_by_part(
    shape: Shape, layout: Layout, micro_tokens: int, seq_len: int, num_micro: int = 2
) -> dict[str, float]:
    """Bytes on one device at the peak of a step, by part.

    micro_tokens: tokens a data copy takes through the model at once; num_micro: micro-batches of a
    step. With one, gradients take the place of activations as backward frees these, and the smaller
    of the two is not there at the peak: 0. "communication" is the gradients of one block on their
    way, and with stage 3 weights that are held whole: of two blocks, or of all, and of all that is
    outside the blocks, with its gradients.
    Source: Rajbhandari et al. 2020 (ZeRO) section 3; Korthikanti et al. 2022 for activations.
    """
    weight, working, gradient, state = BYTES[layout.precision]
    params = num_params(shape) / layout.tensor
    shards = [layout.shards if layout.zero >= stage else 1 for stage in (1, 2, 3)]
    parts = {
        "weights": params * weight / shards[2],
        "working copy": 0.0 if layout.zero == 3 else params * working,
        "gradients": params * gradient / (1 if layout.keeps_gradients else shards[1]),
        "optimizer": params * state / shards[0],
        "communication": _communication(shape, layout, params, gradient),
        "activations": activation_bytes(shape, layout, micro_tokens, seq_len),
        "logits": _logit_bytes(shape, layout, micro_tokens),
    }
    if layout.offload != "none":
        parts["optimizer"] = 0.0
    if layout.offload == "all":
        parts["weights"] = parts["gradients"] = 0.0
    if num_micro == 1 and layout.frees_gradients:
        parts[min(("gradients", "activations"), key=lambda part: parts[part])] = 0.0
    return parts


def _communication(shape: Shape, layout: Layout, params: float, gradient: int) -> float:
    if layout.data == 1 or layout.zero == 0:
        return 0.0
    blocks = params * shape.block_weights / max(1, num_params(shape))
    unit = blocks / shape.num_blocks
    if layout.zero < 3:
        return unit * gradient
    held = blocks if layout.keeps_blocks else 2.0 * unit
    if layout.shards == 1:
        return 0.0
    outside = (params - blocks) * (layout.gathered + gradient)
    return held * layout.gathered + unit * gradient + outside


def activation_elements(shape: Shape, seq_len: int, fused_attention: bool) -> tuple[float, float]:
    """Numbers kept for the backward pass: a token of one block, and a token between blocks.

    A block keeps the inputs of its norms and matrices, queries, keys, values, the mixed values, and
    what its feed-forward layer needs: 2 ff_width, 4 where gated. Without fused attention also the
    weights of every head over the sequence. Dropout masks are not counted.
    """
    ff = (2 if shape.ff_matrices == 2 else 4) * shape.ff_width
    attention = 2 * shape.width + 2 * shape.query_width + 2 * shape.kv_width
    scores = 0 if fused_attention else shape.num_heads * seq_len
    cross = attention + scores if shape.num_encoder_layers else 0
    share = shape.num_layers / shape.num_blocks
    return attention + scores + share * cross + 2 * shape.width + ff, float(shape.width)


def activation_bytes(shape: Shape, layout: Layout, micro_tokens: int, seq_len: int) -> float:
    """Bytes of activations on one device; the input of a block is not divided by `tensor`.

    Under autocast what goes from block to block, which the norms keep, is in single precision.
    """
    size = 4 if layout.precision == "fp32" else 2
    stream = 4 if layout.precision in ("fp32", "bf16_mixed") else 2
    block, between = activation_elements(shape, seq_len, layout.fused_attention)
    norms = shape.width * (2.0 + (shape.num_layers / shape.num_blocks if _crosses(shape) else 0.0))
    divided = size * (block - 2.0 * norms) / layout.tensor
    one = micro_tokens * (stream * norms + size * norms + divided)
    ends = (stream + size) * micro_tokens * float(shape.width)
    if layout.checkpointing == "blocks":
        return shape.num_blocks * micro_tokens * stream * between + one + ends
    return shape.num_blocks * one + ends


def _crosses(shape: Shape) -> bool:
    return shape.num_encoder_layers > 0


def _logit_bytes(shape: Shape, layout: Layout, micro_tokens: int) -> float:
    """Logits and their gradient in single precision, and the gradient of the unembedding.

    fused: one chunk of 8 MiB and its copy; the gradient waits, in single precision, to be added to
    the weight's own.
    """
    all_logits = 2.0 * 4.0 * micro_tokens * shape.vocab_size / layout.tensor
    logits = min(all_logits, 16.0 * 2**20) if layout.fused_loss else all_logits
    return logits + 4.0 * shape.vocab_size * shape.width / layout.tensor


def total_memory(
    shape: Shape, layout: Layout, micro_tokens: int, seq_len: int, num_micro: int = 2
) -> float:
    """Bytes on one device at the peak of a step, without fragmentation and the runtime's own."""
    return sum(memory_by_part(shape, layout, micro_tokens, seq_len, num_micro).values())
