"""BART as transformers keeps it: config.json and the names of weights, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lmlab.io.hf.rename import refuse_others, renamed

MODEL_TYPES = ("bart",)
# What transformers writes more than once.
COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
LOGITS_BIAS = "final_logits_bias"
# What a config.json must say where it says anything.
FIXED: dict[str, Any] = {
    "activation_function": "gelu",
    "scale_embedding": False,
    "normalize_before": False,
    "normalize_embedding": True,
    "add_final_layer_norm": False,
    "static_position_embeddings": False,
    "tie_word_embeddings": True,
}
BLOCK = {
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.out_proj",
    "attention_norm": "self_attn_layer_norm",
    "feed_forward.up": "fc1",
    "feed_forward.down": "fc2",
    "feed_forward_norm": "final_layer_norm",
}
CROSS = {
    f"cross_{ours}": theirs.replace("self_attn", "encoder_attn")
    for ours, theirs in BLOCK.items()
    if ours.startswith("attention")
}


def arch_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of `lmlab.arch.bart.BART`, vocab_size left out.

    Raises: ValueError for variants that BART of this package cannot be.
    """
    for key, value in FIXED.items():
        if config.get(key, value) != value:
            raise ValueError(f"config.json: {key}={config[key]}; arch=bart has {value}")
    for key in ("attention_heads", "ffn_dim"):
        encoder, decoder = config[f"encoder_{key}"], config[f"decoder_{key}"]
        if encoder != decoder:
            raise ValueError(
                f"config.json: encoder_{key}={encoder} and decoder_{key}={decoder}; arch=bart has "
                "the same for both"
            )
    return {
        "num_layers": config["encoder_layers"],
        "num_decoder_layers": config["decoder_layers"],
        "width": config["d_model"],
        "num_heads": config["encoder_attention_heads"],
        "ff_width": config["encoder_ffn_dim"],
        "max_seq_len": config["max_position_embeddings"],
        "dropout": float(config.get("dropout", 0.1)),
    }


def hf_config(arch: Mapping[str, Any], vocab_size: int) -> dict[str, Any]:
    """A complete config.json; its token ids are BART's own, for the caller to replace."""
    ff_width = arch["ff_width"] or 4 * arch["width"]
    stacks = {"encoder": arch["num_layers"], "decoder": _decoder_layers(arch)}
    sizes = {
        f"{stack}_{key}": value
        for stack, depth in stacks.items()
        for key, value in (
            ("layers", depth),
            ("ffn_dim", ff_width),
            ("attention_heads", arch["num_heads"]),
        )
    }
    return {
        "architectures": ["BartForConditionalGeneration"],
        "model_type": "bart",
        "is_encoder_decoder": True,
        "vocab_size": vocab_size,
        "d_model": arch["width"],
        **sizes,
        "max_position_embeddings": arch["max_seq_len"],
        "activation_function": "gelu",
        "scale_embedding": False,
        "tie_word_embeddings": True,
        "dropout": arch["dropout"],
        "attention_dropout": arch["dropout"],
        "activation_dropout": arch["dropout"],
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": None,
    }


def from_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """Our names for the weights of a `BartForConditionalGeneration` or `BartModel`.

    Raises: ValueError for missing or unknown names.
    """
    weights = {name.removeprefix("model."): weight for name, weight in weights.items()}
    names = hf_names(arch)
    refuse_others(weights, {*names.values(), *COPIES, LOGITS_BIAS})
    found = renamed(weights, names)
    embedding = found["token_embedding.weight"]
    bias = weights.get(LOGITS_BIAS)
    found["unembedding.weight"] = embedding
    found["unembedding.bias"] = (
        embedding.new_zeros(len(embedding)) if bias is None else bias.reshape(-1)
    )
    return found


def to_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """The names of a `BartForConditionalGeneration`, tied weights once."""
    names = {f"model.{theirs}": ours for ours, theirs in hf_names(arch).items()}
    found = renamed(weights, names)
    return found | {LOGITS_BIAS: weights["unembedding.bias"].reshape(1, -1)}


def hf_names(arch: Mapping[str, Any]) -> dict[str, str]:
    """{our name: name in a `BartModel`} of every weight but the tied unembedding and its bias."""
    names = {"token_embedding.weight": "shared.weight"}
    depths = {"encoder": arch["num_layers"], "decoder": _decoder_layers(arch)}
    for stack, depth in depths.items():
        names[f"{stack}.position_embedding.weight"] = f"{stack}.embed_positions.weight"
        parts = BLOCK | CROSS if stack == "decoder" else BLOCK
        for kind in ("weight", "bias"):
            names[f"{stack}.embedding_norm.{kind}"] = f"{stack}.layernorm_embedding.{kind}"
            for layer in range(depth):
                for ours, theirs in parts.items():
                    name = f"{stack}.blocks.{layer}.{ours}.{kind}"
                    names[name] = f"{stack}.layers.{layer}.{theirs}.{kind}"
    return names


def _decoder_layers(arch: Mapping[str, Any]) -> int:
    layers = arch["num_decoder_layers"]
    return arch["num_layers"] if layers is None else layers
