"""BART beside transformers' BART: the same numbers in both directions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.arch.bart import BART
from lmlab.io.hf import bart as names
from tests.io.hf import seq2seq_parity as parity

ARCH: dict[str, Any] = {
    "num_layers": 2,
    "num_decoder_layers": 3,
    "width": 24,
    "num_heads": 3,
    "ff_width": 40,
    "max_seq_len": 64,
    "dropout": 0.0,
}


def model_of(arch: dict[str, Any]) -> BART:
    torch.manual_seed(0)
    return parity.scattered(BART(vocab_size=parity.VOCAB_SIZE, **arch), 0.2)  # type: ignore[return-value]


def published_twin() -> Any:
    """A model that transformers made, as if it had been published, with a bias of the logits."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BartConfig(**names.hf_config(ARCH, parity.VOCAB_SIZE))
    twin = parity.scattered(transformers.BartForConditionalGeneration(config), 0.2)
    twin.final_logits_bias.normal_()
    return twin


def test_what_we_write_gives_the_same_numbers_there(tmp_path):
    transformers = pytest.importorskip("transformers")
    model = model_of(ARCH)
    made = parity.exported(model, ARCH, names, tmp_path)
    twin = transformers.BartForConditionalGeneration.from_pretrained(made).eval()
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, ARCH, names)
    parity.same_greedy_tokens(model, twin, start=2)


def test_what_is_published_gives_the_same_numbers_here():
    twin = published_twin()
    read = names.arch_config(twin.config.to_dict())
    model = BART(vocab_size=parity.VOCAB_SIZE, **read).eval()
    model.load_state_dict(names.from_hf(twin.state_dict(), read))
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, read, names)
    parity.same_greedy_tokens(model, twin, start=2)


def test_round_trips_are_bitwise():
    model = model_of(ARCH)
    theirs = names.to_hf(model.state_dict(), ARCH)
    parity.same_tensors(names.from_hf(theirs, ARCH), dict(model.state_dict()))
    parity.same_tensors(names.to_hf(names.from_hf(theirs, ARCH), ARCH), theirs)


def test_weights_without_the_head_are_read_too():
    """The large release is a `BartModel`: no prefix, no bias."""
    model = model_of(ARCH)
    theirs = names.to_hf(model.state_dict(), ARCH)
    del theirs["final_logits_bias"]
    bare = {name.removeprefix("model."): weight for name, weight in theirs.items()}
    found = names.from_hf(bare, ARCH)
    assert not found["unembedding.bias"].any()
    assert torch.equal(found["unembedding.weight"], model.token_embedding.weight)


def test_the_configuration_comes_back():
    assert names.arch_config(names.hf_config(ARCH, 53)) == ARCH
    short = ARCH | {"num_decoder_layers": None, "ff_width": None}
    filled = ARCH | {"num_decoder_layers": 2, "ff_width": 96}
    assert names.arch_config(names.hf_config(short, 53)) == filled


def test_names_by_hand():
    found = names.hf_names(ARCH)
    assert found["decoder.blocks.2.cross_attention_norm.bias"] == (
        "decoder.layers.2.encoder_attn_layer_norm.bias"
    )
    assert found["encoder.blocks.0.feed_forward.up.weight"] == "encoder.layers.0.fc1.weight"
    assert "encoder.blocks.0.cross_attention.key.weight" not in found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale_embedding": True}, "scale_embedding=True; arch=bart has False"),
        ({"activation_function": "relu"}, "activation_function=relu; arch=bart has gelu"),
        ({"decoder_ffn_dim": 41}, "encoder_ffn_dim=40 and decoder_ffn_dim=41"),
    ],
)
def test_other_variants_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        names.arch_config(names.hf_config(ARCH, 53) | change)


def test_unknown_weights_are_named():
    theirs = names.to_hf(model_of(ARCH).state_dict(), ARCH)
    with pytest.raises(ValueError, match="classification_head.dense.weight"):
        names.from_hf(theirs | {"classification_head.dense.weight": torch.zeros(1)}, ARCH)
