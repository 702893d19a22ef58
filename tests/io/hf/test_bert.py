"""BERT beside transformers' BERT and RoBERTa: the same numbers in both directions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lmlab.arch.bert import BERT
from lmlab.io.hf import bert as names
from tests.io.hf import parity

ARCH: dict[str, Any] = {
    "num_layers": 2,
    "width": 24,
    "num_heads": 3,
    "ff_width": 40,
    "max_seq_len": 64,
    "position_offset": 0,
    "num_segments": 2,
    "norm_eps": 1e-12,
    "pooler": True,
    "dropout": 0.0,
}
ALONE = ARCH | {"pooler": False}
ROBERTA = ALONE | {"position_offset": 2, "num_segments": 1, "norm_eps": 1e-5}
each = pytest.mark.parametrize("arch", [ARCH, ALONE, ROBERTA], ids=["bert", "mlm", "roberta"])


def model_of(arch: dict[str, Any]) -> BERT:
    torch.manual_seed(0)
    return parity.scattered(BERT(vocab_size=parity.VOCAB_SIZE, **arch))


def class_of(arch: dict[str, Any]) -> Any:
    transformers = pytest.importorskip("transformers")
    return getattr(transformers, names.hf_config(arch, 53)["architectures"][0])


@each
def test_what_we_write_gives_the_same_numbers_there(arch, tmp_path):
    model = model_of(arch)
    twin = class_of(arch).from_pretrained(parity.exported(model, arch, names, tmp_path)).eval()
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, arch, names)


@each
def test_what_is_published_gives_the_same_numbers_here(arch):
    made = class_of(arch)
    config = made.config_class(**names.hf_config(arch, parity.VOCAB_SIZE))
    twin = parity.scattered(made(config))
    read = names.arch_config(twin.config.to_dict()) | {"pooler": arch["pooler"]}
    assert read == arch
    model = BERT(vocab_size=parity.VOCAB_SIZE, **read).eval()
    model.load_state_dict(names.from_hf(twin.state_dict(), read))
    parity.same_logits(model, twin)
    parity.same_loss_and_gradients(model, twin, read, names)


def test_segments_padding_and_the_next_sentence_head(tmp_path):
    model = model_of(ARCH)
    twin = class_of(ARCH).from_pretrained(parity.exported(model, ARCH, names, tmp_path)).eval()
    tokens, targets = parity.tokens_and_targets()
    segments = (torch.arange(11) > 5).long().expand(3, 11)
    real = torch.arange(11) < torch.tensor([11, 9, 4])[:, None]
    is_next = torch.tensor([0, 1, 1])
    hidden = model(tokens, None, real.long() - 1, segments)
    theirs = twin(
        tokens,
        attention_mask=real.long(),
        token_type_ids=segments,
        labels=torch.where(real, targets, -100),
        next_sentence_label=is_next,
    )
    for ours, wanted in (
        (model.next_sentence(hidden), theirs.seq_relationship_logits),
        (model.unembed(hidden)[real], theirs.prediction_logits[real]),
    ):
        torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=0)
    loss = torch.nn.functional.cross_entropy(model.unembed(hidden)[real], targets[real])
    loss = loss + torch.nn.functional.cross_entropy(model.next_sentence(hidden), is_next)
    loss.backward(), theirs.loss.backward()
    assert abs((loss - theirs.loss).item()) < 1e-4
    ours = names.to_hf(parity.gradients(model), ARCH)
    for name, parameter in twin.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, atol=1e-4, rtol=0, msg=name)


@each
def test_round_trips_are_bitwise(arch):
    model = model_of(arch)
    theirs = names.to_hf(model.state_dict(), arch)
    parity.same_tensors(names.from_hf(theirs, arch), dict(model.state_dict()))
    parity.same_tensors(names.to_hf(names.from_hf(theirs, arch), arch), theirs)


def test_an_encoder_alone_as_early_releases_have_it():
    """Without prefix and heads, with gamma and beta, and with numbers of positions as a weight."""
    model = model_of(ARCH)
    theirs = names.to_hf(model.state_dict(), ARCH)
    alone = {
        name.removeprefix("bert.").replace("LayerNorm.weight", "LayerNorm.gamma"): weight
        for name, weight in theirs.items()
        if not name.startswith("cls.")
    }
    alone["embeddings.position_ids"] = torch.arange(64)
    found = names.from_hf(alone, ARCH)
    missing = set(model.state_dict()) - set(found)
    assert {name.partition(".")[0] for name in missing} == {
        "transform",
        "unembedding",
        "next_sentence_head",
    }
    for name, weight in found.items():
        assert torch.equal(weight, model.state_dict()[name])
    assert not any(name.startswith("pooler") for name in names.from_hf(alone, ALONE))


def test_a_roberta_counted_from_zero_is_a_bert(tmp_path):
    model = model_of(ROBERTA)
    weights, arch = names.counted_from_zero(model.state_dict(), ROBERTA)
    assert names.hf_config(arch, 53)["model_type"] == "bert"
    twin = BERT(vocab_size=parity.VOCAB_SIZE, **arch).eval()
    twin.load_state_dict(weights)
    tokens, _ = parity.tokens_and_targets()
    assert torch.equal(model(tokens), twin(tokens))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_act": "relu"}, "hidden_act=relu; arch=bert has gelu"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type=relative_key"),
        ({"is_decoder": True}, "is_decoder=True"),
    ],
)
def test_other_variants_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        names.arch_config(names.hf_config(ARCH, 53) | change)


def test_a_roberta_with_a_next_sentence_head_is_refused():
    with pytest.raises(ValueError, match="arch.pooler=true with arch.position_offset=2"):
        names.hf_config(ROBERTA | {"pooler": True}, 53)


def test_missing_and_unknown_weights_are_named():
    theirs = names.to_hf(model_of(ARCH).state_dict(), ARCH)
    with pytest.raises(ValueError, match=r"adapter\.weight"):
        names.from_hf(theirs | {"adapter.weight": torch.zeros(1)}, ARCH)
    del theirs["bert.embeddings.LayerNorm.bias"]
    with pytest.raises(ValueError, match=r"lack bert\.embeddings\.LayerNorm\.bias"):
        names.from_hf(theirs, ARCH)
