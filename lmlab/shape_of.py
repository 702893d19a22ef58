"""An architecture as plain numbers: its shape and its parameters by part, best on the meta device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from lmlab.arch.layer.attention import SelfAttention
from lmlab.arch.layer.cross_attention import CrossAttention
from lmlab.scaling.plan.shape import Shape, num_params

# The first word that is in a parameter's name says the part it belongs to.
PARTS = (
    ("norm", "norms"),
    ("token_embedding", "token embedding"),
    ("position", "position embedding"),
    ("attention", "attention"),
    ("feed_forward", "feed-forward"),
    ("unembedding.weight", "unembedding"),
)


def params_of(arch: nn.Module) -> dict[str, int]:
    """Parameters by part, shared ones once; `other` are heads, segments and biases of logits."""
    found = dict.fromkeys(("token embedding", "position embedding", "attention"), 0)
    found |= {"feed-forward": 0, "norms": 0, "unembedding": 0, "other": 0}
    for name, parameter in arch.named_parameters():
        part = next((part for word, part in PARTS if word in name), "other")
        found[part] += parameter.numel()
    return found


def shape_of(arch: Any) -> Shape:
    """The shape of any architecture of lmlab: a decoder, an encoder, or both.

    Its `other_params` make the parameters those that there are; below 0 where layers are shared.
    """
    attentions = _layers(arch, SelfAttention)
    crossing = _layers(arch, CrossAttention)
    first: Any = attentions[0]
    feed_forward = _feed_forwards(arch)[0]
    encoder_layers = len(attentions) - len(crossing) if crossing else 0
    position = getattr(arch, "position_embedding", None)
    shape = Shape(
        num_layers=len(crossing) or len(attentions),
        width=arch.width,
        num_heads=first.num_heads,
        ff_width=feed_forward.down.in_features,
        vocab_size=arch.vocab_size,
        max_seq_len=arch.max_seq_len if isinstance(position, nn.Embedding) else 0,
        num_kv_heads=first.num_kv_heads,
        head_width=first.head_width,
        num_encoder_layers=encoder_layers,
        ff_matrices=3 if hasattr(feed_forward, "gate") else 2,
        norm_vectors=_norm_vectors(arch),
        bias=first.query.bias is not None,
        tied_embeddings=arch.unembedding.weight is arch.token_embedding.weight,
        causal=arch.kind != "encoder",
    )
    real = sum(parameter.numel() for parameter in arch.parameters())
    return replace(shape, other_params=real - num_params(shape))


def _layers(arch: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    """Modules of a kind in the order of the forward pass; a shared one counts wherever it is used."""
    named = arch.named_modules(remove_duplicate=False)
    return [module for _, module in named if isinstance(module, kind)]


def _feed_forwards(arch: nn.Module) -> list[Any]:
    return [m for name, m in arch.named_modules() if name.endswith(".feed_forward")]


def _norm_vectors(arch: nn.Module) -> int:
    """Vectors of one norm: 2 with scale and shift, 1 with scale only."""
    norms = [m for n, m in arch.named_modules() if n.endswith("norm") and not list(m.children())]
    return len(list(norms[0].parameters()))
