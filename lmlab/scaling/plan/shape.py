"""A transformer as plain numbers, and its parameters by part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """What a plan needs to know of a transformer.

    num_layers: of the only stack, or of the decoder; num_encoder_layers: of an encoder beside it, then
    the decoder attends to it; ff_matrices: 2, or 3 for a gated layer; max_seq_len: 0 where positions
    have no table; norm_vectors: 2 with scale and shift, 1 for scale; other_params: what is not listed
    here (heads, segment tables), counted but not multiplied.
    """

    num_layers: int
    width: int
    num_heads: int
    ff_width: int
    vocab_size: int
    max_seq_len: int = 0
    num_kv_heads: int | None = None
    head_width: int | None = None
    num_encoder_layers: int = 0
    ff_matrices: int = 2
    norm_vectors: int = 2
    bias: bool = True
    tied_embeddings: bool = True
    causal: bool = True
    other_params: int = 0

    def __post_init__(self) -> None:
        for name in ("num_layers", "width", "num_heads", "ff_width", "vocab_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"shape.{name}={getattr(self, name)} must be 1 or more")
        if self.head_width is None and self.width % self.num_heads:
            raise ValueError(
                f"shape.width={self.width} is not a multiple of shape.num_heads={self.num_heads}; "
                "give shape.head_width"
            )

    @property
    def query_width(self) -> int:
        """Width of all queries together."""
        return self.num_heads * (self.head_width or self.width // self.num_heads)

    @property
    def kv_width(self) -> int:
        """Width of all keys together, which is that of the values."""
        heads = self.num_heads if self.num_kv_heads is None else self.num_kv_heads
        return heads * (self.head_width or self.width // self.num_heads)

    @property
    def num_attentions(self) -> int:
        """Attention layers, those from decoder to encoder included."""
        return self.num_blocks + (self.num_layers if self.num_encoder_layers else 0)

    @property
    def num_blocks(self) -> int:
        return self.num_layers + self.num_encoder_layers

    @property
    def attention_weights(self) -> int:
        """Weights of the four projections of one attention, without biases."""
        return 2 * self.width * (self.query_width + self.kv_width)

    @property
    def feed_forward_weights(self) -> int:
        """Weights of one feed-forward layer, without biases."""
        return self.ff_matrices * self.width * self.ff_width

    @property
    def block_weights(self) -> int:
        """Weights of the matrices of all blocks: what the 6 N D rule multiplies."""
        attention = self.num_attentions * self.attention_weights
        return attention + self.num_blocks * self.feed_forward_weights


def params_by_part(shape: Shape) -> dict[str, int]:
    """Parameters of every part; their sum is the model's."""
    attention_bias = shape.query_width + 2 * shape.kv_width + shape.width
    ff_bias = (shape.ff_matrices - 1) * shape.ff_width + shape.width
    stacks = 2 if shape.num_encoder_layers else 1
    norms = shape.num_attentions + shape.num_blocks + stacks
    return {
        "token embedding": shape.vocab_size * shape.width,
        "position embedding": shape.max_seq_len * shape.width,
        "attention": shape.num_attentions
        * (shape.attention_weights + (attention_bias if shape.bias else 0)),
        "feed-forward": shape.num_blocks
        * (shape.feed_forward_weights + (ff_bias if shape.bias else 0)),
        "norms": norms * shape.norm_vectors * shape.width,
        "unembedding": 0 if shape.tied_embeddings else shape.vocab_size * shape.width,
        "other": shape.other_params,
    }


def num_params(shape: Shape) -> int:
    """All parameters."""
    return sum(params_by_part(shape).values())
