"""Answers as tokens and text, and the seeds they are drawn from."""

from __future__ import annotations

import numpy as np

from lmlab.rollout.answering import Answering, rollout_seeds, validation_seeds
from lmlab.stage.answer_table import plain_sampling
from tests.arch.test_t5 import small_t5
from tests.stage.tiny_policy import Digits, Questions, tiny_gpt

NUMBERS = np.array([5, 5, -3])


def test_seeds_are_a_function_of_seed_step_place_and_prompt():
    seeds = rollout_seeds(0, 7, 0, NUMBERS)
    assert seeds.dtype == np.uint64 and len(set(seeds.tolist())) == 3
    assert np.array_equal(seeds, rollout_seeds(0, 7, 0, NUMBERS))
    others = [
        rollout_seeds(1, 7, 0, NUMBERS),
        rollout_seeds(0, 8, 0, NUMBERS),
        rollout_seeds(0, 7, 0, NUMBERS + 1),
    ]
    assert all((seeds != other).all() for other in others)


def test_held_out_prompts_are_answered_alike_wherever_they_stand():
    first, again, other = validation_seeds(0, NUMBERS).tolist()
    assert first == again != other and first not in rollout_seeds(0, 0, 0, NUMBERS).tolist()


def test_two_processes_give_the_seeds_of_one():
    halves = [rollout_seeds(0, 7, 0, NUMBERS[:1]), rollout_seeds(0, 7, 1, NUMBERS[1:])]
    assert np.array_equal(np.concatenate(halves), rollout_seeds(0, 7, 0, NUMBERS))


def test_answers_are_read_with_their_prompts_and_without_the_end_mark():
    data = Questions(3)
    answering = Answering(data, Digits())
    seeds = rollout_seeds(0, 0, 0, np.arange(3))
    answers = answering.draw(tiny_gpt(), data.batch(0), plain_sampling(3, 1.0), seeds, 2)
    assert answers.numbers == [0, 0, 1, 1, 2, 2] and answers.prompts == list("001122")
    assert answers.accepted == list("112233")
    for tokens, text in zip(answers.rollout.responses(), answers.texts, strict=True):
        assert text == "".join("0123456789_"[t] for t in tokens.tolist() if t != 11)
    wanted = [float(t == a) for t, a in zip(answers.texts, answers.accepted, strict=True)]
    assert answering.gold(answers) == wanted


def test_prompts_are_given_as_the_data_have_them():
    rows = Answering(Questions(2), Digits()).prompts(Questions(2).batch(0))
    assert [row.tolist() for row in rows] == [[11, 0], [11, 1]]


def test_an_encoder_reads_eos_behind_a_prompt_that_does_not_have_it():
    data = Questions(2)
    arch, read = small_t5(), []
    encode = arch.encode
    arch.encode = lambda source, mask=None: read.append(source.tolist()) or encode(source, mask)
    seeds = rollout_seeds(0, 0, 0, np.arange(2))
    how = plain_sampling(3, 1.0)
    found = Answering(data, Digits()).rollout(arch, data.batch(0), how, seeds, 1)
    assert read == [[[11, 0, 11], [11, 1, 11]]]
    assert [row.tolist() for row in found.prompts()] == [[11, 0], [11, 1]]


def test_data_without_a_hidden_score_have_no_gold():
    data = Questions(1)
    data.gold = None  # type: ignore[assignment]
    assert Answering(data, Digits()).gold(None) is None  # type: ignore[arg-type]
