"""The files beside the weights."""

from __future__ import annotations

from lmlab.batch import Vocab
from lmlab.io.hf.export import generation_config, token_ids, tokenizer_files

VOCAB = Vocab(size=63, eos=60, pad=61, turn_end=62)


def test_token_ids_by_kind():
    assert token_ids(Vocab(size=61, eos=60), "decoder") == {
        "bos_token_id": 60,
        "eos_token_id": 60,
        "pad_token_id": None,
    }
    assert token_ids(VOCAB, "encoder_decoder")["decoder_start_token_id"] == 61


def test_a_chat_also_stops_at_the_end_of_a_turn():
    assert generation_config(VOCAB, "decoder", chats=True)["eos_token_id"] == [60, 62]
    assert generation_config(VOCAB, "decoder", chats=False)["eos_token_id"] == 60
    alone = generation_config(Vocab(size=61, eos=60), "decoder", chats=True)
    assert (alone["eos_token_id"], alone["pad_token_id"]) == (60, 60)


def test_tokenizer_files_by_hand():
    texts = {60: "<|endoftext|>", 61: "<|pad|>", 62: "<|im_end|>"}
    files = tokenizer_files({"model": 1, "padding": 2, "truncation": 3}, texts, VOCAB, 128)
    assert files["tokenizer.json"] == {"model": 1, "padding": None, "truncation": None}
    assert files["special_tokens_map.json"] == {
        "bos_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|pad|>",
        "additional_special_tokens": ["<|im_end|>"],
    }
    settings = files["tokenizer_config.json"]
    assert settings["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert settings["model_max_length"] == 128 and settings["pad_token"] == "<|pad|>"
