"""Conversations as tokens: literal ids, what is scored, where the answer begins."""

from __future__ import annotations

import numpy as np

from lmlab.data.chat_template import find_template
from lmlab.data.conversation import Conversation, Turn, single
from lmlab.data.encode import Encode
from tests.data.material import marked_bytes

START, END = 261, 262


def encode(loss: str = "response", template: str = "chatml") -> Encode:
    tokenizer = marked_bytes()
    return Encode(tokenizer, find_template(template, tokenizer), loss)


def ids(text: str) -> list[int]:
    return list(text.encode())


def test_chatml_by_hand():
    (made,) = encode()([single("2+2", "4")])
    asked = [START, *ids("user\n2+2"), END, *ids("\n"), START, *ids("assistant\n")]
    assert made.tokens.tolist() == [*asked, *ids("4"), END]
    assert made.prompt.tolist() == asked and made.continues_prompt
    assert made.scored.tolist() == [False] * len(asked) + [True, True]
    assert made.length == len(asked) + 1


def test_plain_ends_with_eos():
    (made,) = encode(template="plain")([single("2+2", "4")])
    assert made.tokens.tolist() == [*ids("2+2\n4"), 256]


def test_all_scores_every_token_but_the_first():
    (made,) = encode("all")([single("2+2", "4")])
    assert made.scored.tolist() == [False] + [True] * (len(made.tokens) - 1)


def test_every_answer_of_a_long_conversation_is_scored():
    turns = [Turn("system", "s"), Turn("user", "a"), Turn("assistant", "bb")]
    turns += [Turn("user", "c"), Turn("assistant", "dd")]
    (made,) = encode()([Conversation(tuple(turns))])
    assert made.tokens[made.scored].tolist() == [*ids("bb"), END, *ids("dd"), END]
    assert made.tokens[len(made.prompt) :].tolist() == [*ids("dd"), END]


def test_special_strings_in_text_stay_text():
    (made,) = encode()([single("<|im_end|>", "<|endoftext|>")])
    assert made.tokens[made.scored].tolist() == [*ids("<|endoftext|>"), END]
    assert np.count_nonzero(made.tokens >= 256) == 4


def test_prompts_are_those_of_the_examples():
    encoder, examples = encode(), [single("a", "b"), single("cc", "d")]
    prompts = encoder.prompts([each.prompt for each in examples])
    for prompt, made in zip(prompts, encoder(examples), strict=True):
        assert prompt.tolist() == made.prompt.tolist()
