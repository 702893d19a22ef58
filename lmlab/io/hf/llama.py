"""Llama as transformers keeps it: config.json and the names of weights, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lmlab.io.hf.rename import inverted, refuse_others, renamed

MODEL_TYPES = ("llama",)
# What a config.json must say where it says anything.
FIXED: dict[str, Any] = {
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "partial_rotary_factor": 1.0,
}
# {our key: transformers' key} of Llama 3.1's change for long sequences.
STRETCH = {
    "rope_factor": "factor",
    "rope_high_freq": "high_freq_factor",
    "rope_low_freq": "low_freq_factor",
    "rope_original_len": "original_max_position_embeddings",
}
BLOCK = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "feed_forward_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
}
# The choices of arch=gpt that make it a Llama.
AS_GPT: dict[str, Any] = {
    "norm": "rms",
    "position": "rotary",
    "feed_forward": "swiglu",
    "bias": False,
}


def arch_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of `lmlab.arch.llama.Llama`, vocab_size left out.

    Raises: ValueError for variants that Llama of this package cannot be.
    """
    rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    for key, value in FIXED.items():
        found = rope.get(key, config.get(key, value))
        if found != value:
            raise ValueError(f"config.json: {key}={found}; arch=llama has {value}")
    heads, width = config["num_attention_heads"], config["hidden_size"]
    return {
        "num_layers": config["num_hidden_layers"],
        "width": width,
        "num_heads": heads,
        "num_kv_heads": config.get("num_key_value_heads") or heads,
        "head_width": config.get("head_dim") or width // heads,
        "ff_width": config["intermediate_size"],
        "max_seq_len": config.get("max_position_embeddings", 2048),
        "rope_base": float(rope.get("rope_theta", config.get("rope_theta", 10000.0))),
        **_stretch(rope),
        "norm_eps": config.get("rms_norm_eps", 1e-6),
        "tied_embeddings": bool(config.get("tie_word_embeddings", False)),
    }


def _stretch(rope: Mapping[str, Any]) -> dict[str, Any]:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return dict.fromkeys(STRETCH)
    if kind != "llama3":
        raise ValueError(f"config.json: rope_type={kind}; arch=llama has default and llama3")
    whole = "rope_original_len"
    return {k: rope[t] if k == whole else float(rope[t]) for k, t in STRETCH.items()}


def hf_config(arch: Mapping[str, Any], vocab_size: int) -> dict[str, Any]:
    """A complete config.json; its token ids are Llama's own, for the caller to replace."""
    stretch = {theirs: arch[ours] for ours, theirs in STRETCH.items()}
    scaled = arch["rope_factor"] is not None
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocab_size,
        "num_hidden_layers": arch["num_layers"],
        "hidden_size": arch["width"],
        "num_attention_heads": arch["num_heads"],
        "num_key_value_heads": arch["num_kv_heads"] or arch["num_heads"],
        "head_dim": arch["head_width"] or arch["width"] // arch["num_heads"],
        "intermediate_size": arch["ff_width"] or feed_forward_width(arch["width"]),
        "max_position_embeddings": arch["max_seq_len"],
        "rope_theta": arch["rope_base"],
        "rope_scaling": {"rope_type": "llama3", **stretch} if scaled else None,
        "rms_norm_eps": arch["norm_eps"],
        "tie_word_embeddings": arch["tied_embeddings"],
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }


def feed_forward_width(width: int) -> int:
    """What arch.ff_width=null stands for: 8/3 of the width, up to the next multiple of 256."""
    return -(-8 * width // 768) * 256


def from_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """Our names for the weights of a `LlamaForCausalLM`.

    Raises: ValueError for missing or unknown names.
    """
    kept = {n: weight for n, weight in weights.items() if not n.endswith("rotary_emb.inv_freq")}
    names = hf_names(arch)
    refuse_others(kept, {*names.values(), "lm_head.weight"})
    return renamed(kept, names)


def to_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """The names of a `LlamaForCausalLM`, tied weights once."""
    return renamed(weights, inverted(hf_names(arch)))


def hf_names(arch: Mapping[str, Any]) -> dict[str, str]:
    """{our name: transformers' name} of every weight."""
    embedding = "model.embed_tokens.weight"
    names = {
        "token_embedding.weight": embedding,
        "unembedding.weight": embedding if arch["tied_embeddings"] else "lm_head.weight",
        "final_norm.weight": "model.norm.weight",
    }
    for layer in range(arch["num_layers"]):
        for ours, theirs in BLOCK.items():
            names[f"blocks.{layer}.{ours}.weight"] = f"model.layers.{layer}.{theirs}.weight"
    return names


def of_gpt(arch: Mapping[str, Any]) -> dict[str, Any] | None:
    """The same architecture in the keywords of Llama, if this arch=gpt is one; its weights agree."""
    if any(arch[key] != value for key, value in AS_GPT.items()) or arch["dropout"]:
        return None
    same = ("num_layers", "width", "num_heads", "num_kv_heads", "max_seq_len", "tied_embeddings")
    return {
        **{key: arch[key] for key in same},
        **dict.fromkeys(STRETCH),
        "head_width": None,
        "ff_width": arch["ff_width"] or 4 * arch["width"],
        "rope_base": 10000.0 if arch["rope_base"] is None else arch["rope_base"],
        "norm_eps": 1e-5,
    }
