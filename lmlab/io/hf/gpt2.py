"""GPT-2 as transformers keeps it: config.json and the names of weights, both ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lmlab.io.hf.rename import inverted, listed, refuse_others, renamed

MODEL_TYPES = ("gpt2",)
# What a config.json must say where it says anything.
FIXED: dict[str, Any] = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}
# The choices of arch=gpt that GPT-2 made.
CHOICES: dict[str, Any] = {
    "norm": "layer",
    "position": "learned",
    "rope_base": None,
    "feed_forward": "gelu",
    "bias": True,
}
BLOCK = {
    "attention_norm": "ln_1",
    "attention.output": "attn.c_proj",
    "feed_forward_norm": "ln_2",
    "feed_forward.up": "mlp.c_fc",
    "feed_forward.down": "mlp.c_proj",
}
QUERY_KEY_VALUE = "attn.c_attn"
PARTS = ("query", "key", "value")
MASK = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # a constant that early releases hold
# Kept (in, out), where a torch.nn.Linear is (out, in).
TURNED = re.compile(r"\.(c_attn|c_proj|c_fc)\.weight$")


def arch_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of `lmlab.arch.gpt.GPT`, vocab_size left out.

    Raises: ValueError for variants that GPT of this package cannot be.
    """
    for key, allowed in FIXED.items():
        if config.get(key, allowed[0]) not in allowed:
            raise ValueError(f"config.json: {key}={config[key]}; arch=gpt has {allowed[0]}")
    width = config["n_embd"]
    return {
        "num_layers": config["n_layer"],
        "width": width,
        "num_heads": config["n_head"],
        "num_kv_heads": config["n_head"],
        "ff_width": config.get("n_inner") or 4 * width,
        "max_seq_len": config["n_positions"],
        **CHOICES,
        "tied_embeddings": bool(config.get("tie_word_embeddings", True)),
        "dropout": float(config.get("resid_pdrop", 0.1)),
    }


def hf_config(arch: Mapping[str, Any], vocab_size: int) -> dict[str, Any]:
    """A complete config.json; its token ids are GPT-2's own, for the caller to replace.

    Raises: ValueError naming the settings that GPT-2 does not have.
    """
    others = [f"arch.{key}={arch[key]}" for key, value in CHOICES.items() if arch[key] != value]
    if arch["num_kv_heads"] not in (None, arch["num_heads"]):
        others.append(f"arch.num_kv_heads={arch['num_kv_heads']}")
    if others:
        own = " ".join(f"arch.{key}={_typed(value)}" for key, value in CHOICES.items())
        raise ValueError(
            f"{listed(others)}: neither GPT-2 nor Llama is like this. GPT-2: {own}; Llama: "
            "arch.norm=rms arch.position=rotary arch.feed_forward=swiglu arch.bias=false"
        )
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": vocab_size,
        "n_positions": arch["max_seq_len"],
        "n_embd": arch["width"],
        "n_layer": arch["num_layers"],
        "n_head": arch["num_heads"],
        "n_inner": arch["ff_width"] or 4 * arch["width"],
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "resid_pdrop": arch["dropout"],
        "embd_pdrop": arch["dropout"],
        "attn_pdrop": arch["dropout"],
        "tie_word_embeddings": arch["tied_embeddings"],
        "bos_token_id": 50256,
        "eos_token_id": 50256,
    }


def from_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """Our names for the weights of a `GPT2LMHeadModel` or `GPT2Model`.

    Raises: ValueError for missing or unknown names.
    """
    bare = {name.removeprefix("transformer."): weight for name, weight in weights.items()}
    bare = {name: weight for name, weight in bare.items() if not MASK.fullmatch(name)}
    names = hf_names(arch)
    fused = [f"h.{layer}.{QUERY_KEY_VALUE}.{kind}" for layer, kind in _each(arch)]
    refuse_others(bare, {*names.values(), *fused, "lm_head.weight"})
    turned = {n: weight.T if TURNED.search(n) else weight for n, weight in bare.items()}
    found = renamed(turned, names)
    for layer, kind in _each(arch):
        whole = renamed(turned, {"": f"h.{layer}.{QUERY_KEY_VALUE}.{kind}"})[""]
        for part, rows in zip(PARTS, whole.chunk(3), strict=True):
            found[f"blocks.{layer}.attention.{part}.{kind}"] = rows
    return found


def to_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """The names of a `GPT2LMHeadModel`, tied weights once."""
    found = renamed(weights, inverted(hf_names(arch)))
    for layer, kind in _each(arch):
        rows = [weights[f"blocks.{layer}.attention.{part}.{kind}"] for part in PARTS]
        found[f"h.{layer}.{QUERY_KEY_VALUE}.{kind}"] = torch.cat(rows)
    turned = {n: w.T.contiguous() if TURNED.search(n) else w for n, w in found.items()}
    return {n if n == "lm_head.weight" else f"transformer.{n}": w for n, w in turned.items()}


def hf_names(arch: Mapping[str, Any]) -> dict[str, str]:
    """{our name: name in a `GPT2Model`} of every weight but queries, keys and values."""
    names = {
        "token_embedding.weight": "wte.weight",
        "position_embedding.weight": "wpe.weight",
        "unembedding.weight": "wte.weight" if arch["tied_embeddings"] else "lm_head.weight",
    }
    for kind in ("weight", "bias"):
        names[f"final_norm.{kind}"] = f"ln_f.{kind}"
    for layer, kind in _each(arch):
        for ours, theirs in BLOCK.items():
            names[f"blocks.{layer}.{ours}.{kind}"] = f"h.{layer}.{theirs}.{kind}"
    return names


def _each(arch: Mapping[str, Any]) -> list[tuple[int, str]]:
    return [(layer, kind) for layer in range(arch["num_layers"]) for kind in ("weight", "bias")]


def _typed(value: Any) -> str:
    return "null" if value is None else str(value).lower()
