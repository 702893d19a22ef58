"""Published weights: what is read, what is compared, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmlab.arch.bert import BERT
from lmlab.arch.gpt import GPT
from lmlab.io.checkpoint import CheckpointError
from lmlab.io.hf import bert, gpt2
from lmlab.io.hf.load import INDEX, ONE, load, read_weights, same
from lmlab.io.weights import load_into
from tests.io.hf import parity, test_bert, test_gpt2

NODE = {"_target_": "lmlab.arch.gpt.GPT", "_partial_": True, "recipe": {}} | test_gpt2.ARCH
BERT_NODE = {"_target_": "lmlab.arch.bert.BERT"} | test_bert.ARCH


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return parity.exported(test_gpt2.model_of(test_gpt2.ARCH), test_gpt2.ARCH, gpt2, tmp_path)


def test_weights_are_read_and_null_stands_for_what_it_means(folder):
    node = NODE | {"num_kv_heads": None, "dropout": 0.3}
    arch = GPT(vocab_size=53, **test_gpt2.ARCH)
    assert load_into(arch, f"hf:{folder}", folder, node) == f"hf:{folder}"
    wanted = test_gpt2.model_of(test_gpt2.ARCH).state_dict()
    parity.same_tensors(dict(arch.state_dict()), dict(wanted))


def test_an_extended_vocabulary_keeps_the_old_rows(folder):
    arch = GPT(vocab_size=60, **test_gpt2.ARCH)
    before = arch.token_embedding.weight.clone()
    said = load_into(arch, f"hf:{folder}", folder, NODE)
    assert said == f"hf:{folder} (vocabulary of 53 tokens, here 60: 7 new rows)"
    old = test_gpt2.model_of(test_gpt2.ARCH).token_embedding.weight
    assert torch.equal(arch.token_embedding.weight, torch.cat((old, before[53:])))


def test_files_in_parts_are_put_together(folder):
    whole = load_file(folder / ONE)
    (folder / ONE).unlink()
    names = sorted(whole)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, some in parts.items():
        save_file({name: whole[name] for name in some}, folder / file)
    places = {name: file for file, some in parts.items() for name in some}
    (folder / INDEX).write_text(json.dumps({"weight_map": places}))
    parity.same_tensors(read_weights(folder), whole)
    (folder / INDEX).write_text(json.dumps({"weight_map": places | {"x": "b.safetensors"}}))
    with pytest.raises(CheckpointError, match="its files lack x"):
        read_weights(folder)
    for wrong in ("../b.safetensors", "b.bin", "/etc/passwd"):
        (folder / INDEX).write_text(json.dumps({"weight_map": {"x": wrong}}))
        with pytest.raises(CheckpointError, match="no safetensors file beside it"):
            read_weights(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth"])
def test_pickles_are_never_read(folder, name):
    (folder / ONE).rename(folder / name)
    with pytest.raises(CheckpointError, match=rf"has {name}, which can run code.*save_pretrained"):
        load(f"hf:{folder}", NODE)


def test_other_settings_are_listed_as_they_are_typed(folder):
    with pytest.raises(ValueError) as caught:
        load(f"hf:{folder}", NODE | {"num_layers": 3, "tied_embeddings": False, "position": "none"})
    last = str(caught.value).splitlines()[-1].split()
    assert last == ["arch.num_layers=2", "arch.position=learned", "arch.tied_embeddings=true"]


def test_another_architecture_is_named(folder):
    with pytest.raises(ValueError, match="weights of lmlab.arch.gpt.GPT.*set arch=gpt2_small"):
        load(f"hf:{folder}", BERT_NODE)


def test_an_encoder_alone_leaves_its_heads_as_they_start(tmp_path):
    folder = parity.exported(test_bert.model_of(test_bert.ARCH), test_bert.ARCH, bert, tmp_path)
    whole = load_file(folder / ONE)
    alone = {name: weight for name, weight in whole.items() if not name.startswith("cls.")}
    save_file(alone | {"classifier.weight": torch.ones(2, 24)}, folder / ONE)
    arch = BERT(vocab_size=53, **test_bert.ARCH)
    before = arch.transform.dense.weight.clone()
    said = load_into(arch, f"hf:{folder}", folder, BERT_NODE)
    assert said is not None and said.endswith(
        "(without classifier.weight; transform, unembedding, next_sentence_head as initialised)"
    )
    assert torch.equal(arch.transform.dense.weight, before)
    assert torch.equal(arch.pooler.weight, whole["bert.pooler.dense.weight"])


def test_a_pooler_that_is_not_wanted_stays_behind(tmp_path):
    folder = parity.exported(test_bert.model_of(test_bert.ARCH), test_bert.ARCH, bert, tmp_path)
    arch = BERT(vocab_size=53, **test_bert.ALONE)
    load_into(arch, f"hf:{folder}", folder, BERT_NODE | {"pooler": False})
    assert torch.equal(
        arch.transform.dense.weight, test_bert.model_of(test_bert.ARCH).transform.dense.weight
    )


@pytest.mark.parametrize(
    ("contents", "words"),
    [(None, "not readable"), ("[]", "names no model_type"), ("{", "not readable")],
)
def test_a_folder_without_a_configuration_is_refused(tmp_path, contents, words):
    if contents is not None:
        (tmp_path / "config.json").write_text(contents)
    with pytest.raises(CheckpointError, match=words):
        load(f"hf:{tmp_path}", NODE)


def test_a_folder_without_weights_is_refused(folder):
    (folder / ONE).unlink()
    with pytest.raises(CheckpointError, match="has neither"):
        load(f"hf:{folder}", NODE)


def test_settings_that_agree():
    assert same(1e-5, 9.999999747378752e-06) and same(None, None) and same(2, 2)
    assert not same(1e-5, 1e-6) and not same(None, 1e-5) and not same(2, 3)
