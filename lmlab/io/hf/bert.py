"""BERT and RoBERTa as transformers keeps them: config.json and the names of weights, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lmlab.io.hf.rename import inverted, refuse_others, renamed

MODEL_TYPES = ("bert", "roberta")
# What published weights may lack (an encoder alone is common), by our names.
OPTIONAL = ("transform.", "unembedding.bias", "pooler.", "next_sentence_head.")
# Settings that need not be those of config.json, which does not tell which heads there are.
FREE = ("pooler",)
# What a config.json must say where it says anything.
FIXED: dict[str, Any] = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
BLOCK = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "feed_forward.up": "intermediate.dense",
    "feed_forward.down": "output.dense",
    "feed_forward_norm": "output.LayerNorm",
}
POOLER = {"pooler": "bert.pooler.dense", "next_sentence_head": "cls.seq_relationship"}
# The masked-language-modelling head: transform, its norm, and the bias.
HEAD = {
    "bert": ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm"),
    "roberta": ("lm_head.dense", "lm_head.layer_norm"),
}
BIAS = {"bert": "cls.predictions.bias", "roberta": "lm_head.bias"}
# What transformers writes more than once, and RoBERTa's pooler, which no pretraining has trained.
COPIES = (
    "cls.predictions.decoder.weight",
    "cls.predictions.decoder.bias",
    "lm_head.decoder.weight",
    "lm_head.decoder.bias",
    "roberta.pooler.dense.weight",
    "roberta.pooler.dense.bias",
)


def arch_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of `lmlab.arch.bert.BERT`, vocab_size left out.

    Raises: ValueError for variants that BERT of this package cannot be.
    """
    for key, value in FIXED.items():
        if config.get(key, value) != value:
            raise ValueError(f"config.json: {key}={config[key]}; arch=bert has {value}")
    is_roberta = config["model_type"] == "roberta"
    offset = config.get("pad_token_id", 1) + 1 if is_roberta else 0
    return {
        "num_layers": config["num_hidden_layers"],
        "width": config["hidden_size"],
        "num_heads": config["num_attention_heads"],
        "ff_width": config["intermediate_size"],
        "max_seq_len": config["max_position_embeddings"] - offset,
        "position_offset": offset,
        "num_segments": config.get("type_vocab_size", 2),
        "norm_eps": config.get("layer_norm_eps", 1e-12),
        "pooler": not is_roberta,
        "dropout": float(config.get("hidden_dropout_prob", 0.1)),
    }


def hf_config(arch: Mapping[str, Any], vocab_size: int) -> dict[str, Any]:
    """A complete config.json; its token ids are BERT's own, for the caller to replace.

    Positions that do not count from 0 make it a RoBERTa, which counts from its padding id on.
    Raises: ValueError for a RoBERTa with a next-sentence head.
    """
    kind, offset = model_type(arch), arch["position_offset"]
    if kind == "roberta" and arch["pooler"]:
        raise ValueError(
            f"arch.pooler=true with arch.position_offset={offset}: RoBERTa has no next-sentence "
            "head; set arch.pooler=false or arch.position_offset=0"
        )
    head = "BertForPreTraining" if arch["pooler"] else "BertForMaskedLM"
    return {
        "architectures": ["RobertaForMaskedLM" if kind == "roberta" else head],
        "model_type": kind,
        "vocab_size": vocab_size,
        "num_hidden_layers": arch["num_layers"],
        "hidden_size": arch["width"],
        "num_attention_heads": arch["num_heads"],
        "intermediate_size": arch["ff_width"] or 4 * arch["width"],
        "max_position_embeddings": arch["max_seq_len"] + offset,
        "type_vocab_size": arch["num_segments"],
        "layer_norm_eps": arch["norm_eps"],
        "hidden_act": "gelu",
        "hidden_dropout_prob": arch["dropout"],
        "attention_probs_dropout_prob": arch["dropout"],
        "tie_word_embeddings": True,
        "pad_token_id": offset - 1 if offset else 0,
    }


def model_type(arch: Mapping[str, Any]) -> str:
    """bert or roberta."""
    return "roberta" if arch["position_offset"] else "bert"


def from_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """Our names for the weights of a BERT with or without its pretraining heads.

    Raises: ValueError for missing or unknown names; what is OPTIONAL may be missing.
    """
    kind = model_type(arch)
    given = {_plain(name, kind): weight for name, weight in weights.items()}
    given = {name: weight for name, weight in given.items() if not name.endswith("position_ids")}
    names = hf_names({**arch, "pooler": kind == "bert"})
    refuse_others(given, {*names.values(), *COPIES})
    if not arch["pooler"]:
        names = {
            ours: theirs for ours, theirs in names.items() if not ours.startswith(tuple(POOLER))
        }
    missing = {o for o, t in names.items() if o.startswith(OPTIONAL) and t not in given}
    return renamed(given, {o: t for o, t in names.items() if o not in missing})


def _plain(name: str, kind: str) -> str:
    """As transformers names it today, whatever wrote it: gamma and beta, an encoder without prefix."""
    for old, new in (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias")):
        name = name.replace(old, new)
    inner = name.startswith(("embeddings.", "encoder.", "pooler."))
    return f"{kind}.{name}" if inner else name


def to_hf(weights: Mapping[str, Tensor], arch: Mapping[str, Any]) -> dict[str, Tensor]:
    """The names of a model with all heads that `arch` has, tied weights once."""
    return renamed(weights, inverted(hf_names(arch)))


def hf_names(arch: Mapping[str, Any]) -> dict[str, str]:
    """{our name: transformers' name} of every weight."""
    kind = model_type(arch)
    transform, norm = HEAD[kind]
    both = {
        "embedding_norm": f"{kind}.embeddings.LayerNorm",
        "transform.dense": transform,
        "transform.norm": norm,
        **(POOLER if arch["pooler"] else {}),
    }
    for layer in range(arch["num_layers"]):
        for ours, theirs in BLOCK.items():
            both[f"blocks.{layer}.{ours}"] = f"{kind}.encoder.layer.{layer}.{theirs}"
    tables = {"token": "word", "position": "position", "segment": "token_type"}
    names = {
        f"{ours}_embedding.weight": f"{kind}.embeddings.{theirs}_embeddings.weight"
        for ours, theirs in tables.items()
    }
    names["unembedding.weight"] = names["token_embedding.weight"]
    names["unembedding.bias"] = BIAS[kind]
    for ours, theirs in both.items():
        names |= {f"{ours}.{part}": f"{theirs}.{part}" for part in ("weight", "bias")}
    return names


def counted_from_zero(
    weights: Mapping[str, Tensor], arch: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The same model without the unused rows of its table of positions, so as a BERT."""
    name = "position_embedding.weight"
    rows = weights[name][arch["position_offset"] :]
    return dict(weights) | {name: rows}, dict(arch) | {"position_offset": 0}
