"""Talking to a model: turns, what no longer fits, raw text, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lmlab.chat import Chat, chat, sampling_of, talk
from lmlab.config.error import ConfigError
from lmlab.data.conversation import Turn
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.opened import OpenedRun
from lmlab.stage.answer_table import plain_sampling
from tests.conftest import small_gpt


def make(
    max_seq_len: int = 128, new: int = 4, stage: str = "SupervisedFineTuning", **more: Any
) -> Chat:
    tokenizer = Bytes().prepare(None, Path())  # type: ignore[arg-type]
    tokenizer.extend(tokenizer.vocab.with_specials("marks"))
    arch = small_gpt(vocab_size=tokenizer.vocab.size, max_seq_len=max_seq_len).eval()
    config = {"data": {"template": "chatml"}, "stage": {"_target_": f"lmlab.stage.x.{stage}"}}
    opened = OpenedRun(arch, {}, config, tokenizer, "run/step-1")
    keys = {"seed": 0, "raw": False, "system": None}
    return Chat(opened, plain_sampling(new, 1.0), **(keys | more))


def asked(with_: Chat) -> list[str]:
    """The prompts that are drawn from, as text."""
    seen, plain = [], with_._draw

    def draw(tokens):
        seen.append(with_.tokenizer.decode(tokens.tolist()))
        return plain(tokens)

    with_._draw = draw
    return seen


def test_what_was_said_before_is_part_of_the_prompt():
    with_ = make()
    seen = asked(with_)
    with_.answer("one")
    with_.answer("two")
    user = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
    assert seen[0] == user.format("one")
    assert seen[1].startswith(user.format("one")) and seen[1].endswith(user.format("two"))
    with_.forget()
    with_.answer("three")
    assert seen[2] == user.format("three")


def test_the_oldest_turns_go_where_they_no_longer_fit_and_it_is_said():
    with_ = make(max_seq_len=64)
    said: list[str] = []
    seen = asked(with_)
    talk(with_, ["a" * 10, "b" * 10, "c" * 10, ""], said.append)
    assert "aaa" not in seen[-1] and "ccc" in seen[-1]
    assert any("no longer fit" in line for line in said)
    assert len(with_.tokenizer.encode_batch([seen[-1]])[0]) > 0


def test_a_text_that_is_too_long_is_refused_and_forgotten():
    with_ = make(max_seq_len=64)
    with pytest.raises(ValueError, match="say it in fewer words"):
        with_.answer("a" * 90)
    assert with_.turns == []
    said: list[str] = []
    talk(with_, ["a" * 90, "hi", ""], said.append)
    assert "fewer words" in said[1] and len(said) == 3


def test_raw_text_is_continued_and_not_remembered():
    with_ = make(raw=True)
    seen = asked(with_)
    with_.answer("def f")
    with_.answer("x")
    assert seen == ["<|endoftext|>def f", "<|endoftext|>x"] and with_.turns == []


def test_a_system_instruction_stays_in_front():
    with_ = make(system="Be brief.")
    seen = asked(with_)
    with_.answer("hi")
    with_.forget()
    with_.answer("ho")
    assert all(text.startswith("<|im_start|>system\nBe brief.<|im_end|>") for text in seen)


def test_the_same_seed_gives_the_same_answers():
    first, second, other = make(seed=3), make(seed=3), make(seed=4)
    answers = [[each.answer("hi"), each.answer("ho")] for each in (first, second, other)]
    assert answers[0] == answers[1] != answers[2]


def test_a_run_that_is_not_there_is_said_as_typed(tmp_path):
    with pytest.raises(ConfigError, match="lmlab chat nothing: no such folder"):
        chat("nothing", plain_sampling(4, 1.0), tmp_path, seed=0, raw=None, system=None)


def test_an_encoder_cannot_chat():
    with_ = make()
    with_.opened.arch.kind = "encoder"
    with pytest.raises(ValueError, match="kind encoder cannot write"):
        Chat(with_.opened, with_.sampling, seed=0, raw=False, system=None)


def test_draws_that_mean_nothing_are_said_as_typed():
    with pytest.raises(ConfigError, match="^--top-p 2.0 must be in 0..1"):
        sampling_of(4, 1.0, 2.0)
    with pytest.raises(ConfigError, match="^--max-new-tokens 0 must be 1 or more"):
        sampling_of(0, 1.0, 0.9)


def test_a_model_that_learned_to_see_whole_prompts_answers_so():
    with_ = make()
    tokens = with_.encode.prompts([[Turn("user", "Which one is it?")]])[0]
    arch, seen = with_.opened.arch, []
    plain = arch.forward
    arch.forward = lambda tokens, *more, **keys: seen.append(more) or plain(tokens, *more, **keys)
    for whole in (False, True):
        arch.prefix_attention = whole
        seen.clear()
        with_._draw(tokens)
        masks = [more[2] for more in seen if len(more) > 2 and more[2] is not None]
        assert bool(masks) == whole and all(bool(mask.all()) for mask in masks)
