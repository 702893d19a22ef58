from __future__ import annotations

import pytest
import torch

from lmlab.arch.layer import mask
from lmlab.batch import SEEN_BY_ALL
from lmlab.rollout import teacher_forced as module
from lmlab.rollout.shared_prompt import answers_sharing, shared_hidden
from lmlab.rollout.teacher_forced import response_hidden, teacher_forced
from tests.arch.test_llama import small as small_llama
from tests.conftest import small_gpt
from tests.rollout.law import draw

PROMPTS = [torch.tensor(row) for row in ([1, 2, 3, 4, 5, 6, 7, 8], [4, 3], [5, 6, 7, 8, 9])]


def of(rollout):
    return rollout.prompt, rollout.prompt_mask, rollout.response, rollout.mask


def test_both_rooms_mean_the_same_document():
    assert mask.SEEN_BY_ALL == SEEN_BY_ALL


def test_answers_see_the_prompt_and_not_one_another():
    documents = torch.tensor([[-1, SEEN_BY_ALL, SEEN_BY_ALL, 0, 0, 1]])
    seen = mask.causal_mask(6, 6, documents, documents.device).dense[0, 0].int().tolist()
    assert seen[3:] == [[0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 0], [0, 1, 1, 0, 0, 1]]
    assert seen[2] == [0, 1, 1, 0, 0, 0]


def test_an_answer_of_its_own_where_prompts_are_short_or_groups_uneven():
    prompt = torch.tensor([[1] * 64] * 8 + [[2] * 64] * 8)
    assert answers_sharing(prompt, 64, 384) == 4
    assert answers_sharing(prompt[:, :1], 500, 16) == 1
    assert answers_sharing(prompt[:12], 64, 384) == 1
    assert answers_sharing(prompt[:9], 64, 384) == 1


@pytest.mark.parametrize("sharing", [2, 4])
@pytest.mark.parametrize(
    "make",
    [small_gpt, lambda: small_gpt(position="rotary", num_kv_heads=1), small_llama],
    ids=["gpt", "rotary", "llama"],
)
def test_hidden_states_are_those_of_rows_of_their_own(make, sharing, monkeypatch):
    arch = make()
    rollout = draw(arch, prompts=PROMPTS, num_samples=4, stop=(3, 4, 5, 6, 7))
    shared = shared_hidden(arch, *of(rollout), sharing)
    monkeypatch.setattr(module, "answers_sharing", lambda *_: 1)
    alone = response_hidden(arch, *of(rollout), pad=0)
    torch.testing.assert_close(shared, alone, atol=1e-5, rtol=1e-5)


def test_scores_and_gradients_too(monkeypatch):
    found = []
    for sharing in (1, 4):
        monkeypatch.setattr(module, "answers_sharing", lambda *_, n=sharing: n)
        arch = small_gpt()
        rollout = draw(arch, prompts=PROMPTS, num_samples=4, stop=(3, 4))
        scores = teacher_forced(arch, *of(rollout), pad=0)
        torch.testing.assert_close(scores.log_probs, rollout.log_probs, atol=1e-4, rtol=0)
        scores.log_probs.sum().backward()
        found.append([p.grad for p in arch.parameters()])
    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-4)


def test_a_shared_row_may_be_longer_than_the_window(monkeypatch):
    monkeypatch.setattr(module, "answers_sharing", lambda *_: 4)
    arch = small_gpt(max_seq_len=24)
    rollout = draw(arch, prompts=PROMPTS, num_samples=4)
    scores = teacher_forced(arch, *of(rollout), pad=0)
    torch.testing.assert_close(scores.log_probs, rollout.log_probs, atol=1e-4, rtol=0)
