"""T5 beside transformers' T5: the same numbers in both directions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.arch.t5 import T5
from lmlab.io.hf import t5 as names
from tests.io.hf import seq2seq_parity as parity

ARCH: dict[str, Any] = {
    "num_layers": 2,
    "num_decoder_layers": 2,
    "width": 24,
    "num_heads": 3,
    "head_width": 10,
    "ff_width": 40,
    "feed_forward": "relu",
    "max_seq_len": 64,
    "num_buckets": 8,
    "max_distance": 12,
    "tied_embeddings": True,
    "shared_blocks": False,
    "dropout": 0.0,
}
V1_1 = ARCH | {"feed_forward": "geglu", "tied_embeddings": False, "num_decoder_layers": None}
both = pytest.mark.parametrize("arch", [ARCH, V1_1], ids=["v1.0", "v1.1"])


def model_of(arch: dict[str, Any]) -> T5:
    torch.manual_seed(0)
    return parity.scattered(T5(vocab_size=parity.VOCAB_SIZE, **arch))  # type: ignore[return-value]


def exported_twin(model: T5, arch: dict[str, Any], folder: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    made = parity.exported(model, arch, names, folder)
    return transformers.T5ForConditionalGeneration.from_pretrained(made).eval()


def published_twin(arch: dict[str, Any]) -> Any:
    """A model that transformers made, as if it had been published."""
    transformers = pytest.importorskip("transformers")
    config = transformers.T5Config(**names.hf_config(arch, parity.VOCAB_SIZE))
    twin = transformers.T5ForConditionalGeneration(config)
    if not arch["tied_embeddings"]:
        twin.lm_head.weight = torch.nn.Parameter(torch.randn_like(twin.lm_head.weight))
    return parity.scattered(twin)


@both
def test_what_we_write_gives_the_same_numbers_there(arch, tmp_path):
    model = model_of(arch)
    twin = exported_twin(model, arch, tmp_path)
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, arch, names)
    parity.same_greedy_tokens(model, twin, start=0)


@both
def test_what_is_published_gives_the_same_numbers_here(arch):
    twin = published_twin(arch)
    read = names.arch_config(twin.config.to_dict())
    model = T5(vocab_size=parity.VOCAB_SIZE, **read).eval()
    model.load_state_dict(names.from_hf(twin.state_dict(), read))
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, read, names)
    parity.same_greedy_tokens(model, twin, start=0)


def test_stacks_of_different_depth(tmp_path):
    """Without transformers' cache, which takes the encoder's depth for the decoder's."""
    arch = ARCH | {"num_decoder_layers": 3}
    model = model_of(arch)
    twin = exported_twin(model, arch, tmp_path)
    twin.decoder.config.use_cache = twin.config.use_cache = False
    parity.same_logits(model, twin)


@both
def test_round_trips_are_bitwise(arch):
    model = model_of(arch)
    theirs = names.to_hf(model.state_dict(), arch)
    parity.same_tensors(names.from_hf(theirs, arch), dict(model.state_dict()))
    parity.same_tensors(names.to_hf(names.from_hf(theirs, arch), arch), theirs)


@both
def test_the_configuration_comes_back(arch):
    filled = arch | {"num_decoder_layers": arch["num_decoder_layers"] or arch["num_layers"]}
    assert names.arch_config(names.hf_config(arch, 53)) == filled


def test_names_by_hand():
    found = names.hf_names(ARCH)
    assert found["decoder.blocks.1.cross_attention.key.weight"] == (
        "decoder.block.1.layer.1.EncDecAttention.k.weight"
    )
    assert found["encoder.blocks.0.feed_forward.down.weight"] == (
        "encoder.block.0.layer.1.DenseReluDense.wo.weight"
    )
    assert found["unembedding.weight"] == "shared.weight"
    assert names.hf_names(V1_1)["decoder.blocks.0.feed_forward.gate.weight"] == (
        "decoder.block.0.layer.2.DenseReluDense.wi_0.weight"
    )


def test_shared_blocks_are_written_for_each_stack_and_read_where_they_agree():
    arch = ARCH | {"shared_blocks": True, "num_decoder_layers": None}
    model = model_of(arch)
    theirs = names.to_hf(model.state_dict(), arch)
    parity.same_tensors(names.from_hf(theirs, arch), dict(model.state_dict()))
    name = "encoder.block.0.layer.0.SelfAttention.q.weight"
    theirs[name] = theirs[name] + 1
    with pytest.raises(ValueError, match="use arch.shared_blocks=false"):
        names.from_hf(theirs, arch)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"feed_forward_proj": "swish"}, "feed_forward_proj=swish is not one of relu"),
        ({"layer_norm_epsilon": 1e-5}, "layer_norm_epsilon=1e-05"),
    ],
)
def test_other_variants_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        names.arch_config(names.hf_config(ARCH, 53) | change)


def test_missing_and_unknown_weights_are_named():
    theirs = names.to_hf(model_of(ARCH).state_dict(), ARCH)
    with pytest.raises(ValueError, match="qa_outputs.weight"):
        names.from_hf(theirs | {"qa_outputs.weight": torch.zeros(1)}, ARCH)
    del theirs["encoder.final_layer_norm.weight"]
    with pytest.raises(ValueError, match="lack encoder.final_layer_norm.weight"):
        names.from_hf(theirs, ARCH)


def test_a_table_that_early_releases_hold_is_passed_over():
    theirs = names.to_hf(model_of(ARCH).state_dict(), ARCH)
    names.from_hf(theirs | {names.UNREAD: torch.zeros(8, 3)}, ARCH)
