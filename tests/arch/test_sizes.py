"""Published sizes, counted on the meta device against their tables."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from tests.conftest import ROOT


def option(name: str) -> dict[str, Any]:
    """A YAML option of the arch group, merged over the files it extends."""
    node = yaml.safe_load((ROOT / f"conf/arch/{name}.yaml").read_text())
    for base in node.pop("defaults", []):
        if base != "_self_":
            node = option(base) | node
    return node


def on_meta(name: str, vocab_size: int) -> nn.Module:
    node = option(name)
    module, _, class_name = node["_target_"].rpartition(".")
    keys = {k: v for k, v in node.items() if not k.startswith("_") and k != "recipe"}
    with torch.device("meta"):
        return getattr(importlib.import_module(module), class_name)(vocab_size=vocab_size, **keys)


def billions(name: str, vocab_size: int) -> float:
    return sum(p.numel() for p in on_meta(name, vocab_size).parameters()) / 1e9


# Row S4-01: layers, width, heads, parameters in billions; then the vocabulary of the release, and
# how far off the table's own rounding lets the count be.
MODEL_TABLE = {
    "transformer_base": (12, 512, 8, 0.065, 37_000, 0.04),
    "transformer_large": (12, 1024, 16, 0.213, 37_000, 0.02),
    "bert_base": (12, 768, 12, 0.110, 30_522, 0.01),
    "bert_large": (24, 1024, 16, 0.340, 30_522, 0.015),
    "xlnet_large": (24, 1024, 16, 0.340, 32_000, 0.01),
    "roberta": (24, 1024, 16, 0.355, 50_265, 0.005),
    "gpt2_xl": (48, 1600, 25, 1.5, 50_257, 0.04),
    "megatron_8b": (72, 3072, 32, 8.3, 51_200, 0.005),
    "turing_nlg": (78, 4256, 28, 17.0, 50_257, 0.015),
    "gpt_175b": (96, 12288, 96, 175.0, 50_257, 0.005),
}


@pytest.mark.parametrize("name", MODEL_TABLE)
def test_the_model_table_of_the_lectures(name):
    """GPT-2's heads are a question mark in the row; 25 are the release's.

    The transformers' 12 layers are 6 of the encoder and 6 of the decoder.
    """
    layers, width, heads, table, vocab_size, tolerance = MODEL_TABLE[name]
    node = option(name)
    both = 2 if name.startswith("transformer") else 1
    assert (both * node["num_layers"], node["width"], node["num_heads"]) == (layers, width, heads)
    assert abs(billions(name, vocab_size) / table - 1) < tolerance


# Parameters of the released weights, in millions, at their vocabulary.
RELEASED = {
    "bert_base": (110.106, 30_522),  # BertForPreTraining
    "bert_large": (336.226, 30_522),  # BertForPreTraining
    "roberta_base": (124.697, 50_265),  # RobertaForMaskedLM
    "roberta": (355.412, 50_265),  # RobertaForMaskedLM
    "minilm": (22.713 + 0.179, 30_522),  # BertModel, and the pretraining heads it left behind
    "llama_1b": (1235.814, 128_256),
    "llama_3b": (3212.750, 128_256),
    "llama_7b": (6738.416, 32_000),
    "llama_8b": (8030.261, 128_256),
    "smollm2_135m": (134.515, 49_152),
}


@pytest.mark.parametrize("name", RELEASED)
def test_released_weights_to_a_thousandth(name):
    millions, vocab_size = RELEASED[name]
    assert abs(1000 * billions(name, vocab_size) / millions - 1) < 0.001


@pytest.mark.parametrize("name", ["bert_tiny", "llama_tiny"])
def test_tiny_ones_are_for_a_laptop(name):
    model: Any = on_meta(name, 4096)
    inner = sum(p.numel() for p in model.parameters()) - model.num_embedding_params()
    assert 0.7e6 < inner < 0.9e6
