"""T5 as transformers keeps it: config.json and the names of weights, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lmlab.io.hf.rename import inverted, refuse_others, renamed

MODEL_TYPES = ("t5",)
# What config.json cannot say, and a user may choose where the weights allow it.
FREE = ("shared_blocks",)
FEED_FORWARDS = {"relu": "relu", "gelu_new": "gelu", "gated-gelu": "geglu", "gated-silu": "swiglu"}
# What transformers writes twice, and a table that early releases hold and nothing reads.
COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
UNREAD = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
BIAS = "block.0.layer.0.SelfAttention.relative_attention_bias.weight"


def arch_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of `lmlab.arch.t5.T5`, vocab_size left out.

    Raises: ValueError for variants that T5 of this package cannot be.
    """
    feed_forward = config.get("feed_forward_proj", "relu")
    if feed_forward not in FEED_FORWARDS:
        known = ", ".join(FEED_FORWARDS)
        raise ValueError(f"config.json: feed_forward_proj={feed_forward} is not one of {known}")
    epsilon = config.get("layer_norm_epsilon", 1e-6)
    if epsilon != 1e-6:
        raise ValueError(f"config.json: layer_norm_epsilon={epsilon}; arch=t5 has 1e-6")
    scaled = config.get("scale_decoder_outputs", True)
    return {
        "num_layers": config["num_layers"],
        "num_decoder_layers": config.get("num_decoder_layers"),
        "width": config["d_model"],
        "num_heads": config["num_heads"],
        "head_width": config["d_kv"],
        "ff_width": config["d_ff"],
        "feed_forward": FEED_FORWARDS[feed_forward],
        "max_seq_len": config.get("n_positions", 512),
        "num_buckets": config.get("relative_attention_num_buckets", 32),
        "max_distance": config.get("relative_attention_max_distance", 128),
        "tied_embeddings": bool(config.get("tie_word_embeddings", True) and scaled),
        "shared_blocks": False,
        "dropout": float(config.get("dropout_rate", 0.1)),
    }


def hf_config(arch: Mapping[str, Any], vocab_size: int) -> dict[str, Any]:
    """A complete config.json; its token ids are T5's own, for the caller to replace.

    Differs: transformers has no shared blocks, so they are written once for each stack.
    """
    proj = {ours: theirs for theirs, ours in FEED_FORWARDS.items()}[arch["feed_forward"]]
    return {
        "architectures": ["T5ForConditionalGeneration"],
        "model_type": "t5",
        "is_encoder_decoder": True,
        "vocab_size": vocab_size,
        "num_layers": arch["num_layers"],
        "num_decoder_layers": _decoder_layers(arch),
        "d_model": arch["width"],
        "num_heads": arch["num_heads"],
        "d_kv": arch["head_width"] or arch["width"] // arch["num_heads"],
        "d_ff": arch["ff_width"] or 4 * arch["width"],
        "feed_forward_proj": proj,
        "n_positions": arch["max_seq_len"],
        "relative_attention_num_buckets": arch["num_buckets"],
        "relative_attention_max_distance": arch["max_distance"],
        "tie_word_embeddings": arch["tied_embeddings"],
        "dropout_rate": arch["dropout"],
        "layer_norm_epsilon": 1e-6,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "decoder_start_token_id": 0,
    }


def from_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """Our names for the weights of a `T5ForConditionalGeneration`.

    Raises: ValueError for missing or unknown names, and for shared_blocks where they differ.
    """
    names = hf_names(arch)
    refuse_others(weights, {*names.values(), *COPIES, UNREAD})
    if "lm_head.weight" not in weights:
        names["unembedding.weight"] = "shared.weight"
    found = renamed(weights, names)
    if arch["shared_blocks"]:
        _check_shared(found)
    return found


def to_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """The names of a `T5ForConditionalGeneration`, tied weights once."""
    return renamed(weights, inverted(hf_names(arch)))


def hf_names(arch: Mapping[str, Any]) -> dict[str, str]:
    """{our name: transformers' name} of every weight."""
    head = "shared.weight" if arch["tied_embeddings"] else "lm_head.weight"
    names = {"token_embedding.weight": "shared.weight", "unembedding.weight": head}
    depths = {"encoder": arch["num_layers"], "decoder": _decoder_layers(arch)}
    for stack, depth in depths.items():
        names[f"{stack}.position.table.weight"] = f"{stack}.{BIAS}"
        names[f"{stack}.final_norm.weight"] = f"{stack}.final_layer_norm.weight"
        for layer in range(depth):
            for ours, theirs in _block_names(stack, arch["feed_forward"]).items():
                name = f"{stack}.blocks.{layer}.{ours}.weight"
                names[name] = f"{stack}.block.{layer}.layer.{theirs}.weight"
    return names


def _block_names(stack: str, feed_forward: str) -> dict[str, str]:
    parts = [("attention", "SelfAttention")]
    if stack == "decoder":
        parts.append(("cross_attention", "EncDecAttention"))
    names = {}
    for number, (ours, theirs) in enumerate(parts):
        names[f"{ours}_norm"] = f"{number}.layer_norm"
        for part in ("query", "key", "value", "output"):
            names[f"{ours}.{part}"] = f"{number}.{theirs}.{part[0]}"
    number = len(parts)
    inner = {"up": "wi"} if feed_forward in ("relu", "gelu") else {"gate": "wi_0", "up": "wi_1"}
    names["feed_forward_norm"] = f"{number}.layer_norm"
    for part, theirs in (inner | {"down": "wo"}).items():
        names[f"feed_forward.{part}"] = f"{number}.DenseReluDense.{theirs}"
    return names


def _decoder_layers(arch: Mapping[str, Any]) -> int:
    layers = arch["num_decoder_layers"]
    return arch["num_layers"] if layers is None else layers


def _check_shared(found: Mapping[str, Tensor]) -> None:
    for name, weight in found.items():
        twin = name.replace("decoder.blocks", "encoder.blocks")
        if (".attention." in name or ".feed_forward." in name) and not torch.equal(
            weight, found[twin]
        ):
            raise ValueError(
                "arch.shared_blocks=true, but encoder and decoder of these weights differ; "
                "use arch.shared_blocks=false"
            )
