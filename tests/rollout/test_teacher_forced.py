from __future__ import annotations

import pytest
import torch

from lmlab.rollout.teacher_forced import final_hidden, joined, teacher_forced
from tests.arch.test_t5 import small_t5
from tests.conftest import small_gpt
from tests.rollout.law import PROMPTS, draw


def of(rollout):
    return rollout.prompt, rollout.prompt_mask, rollout.response, rollout.mask


@pytest.mark.parametrize("prefix", [False, True])
@pytest.mark.parametrize("arch", [small_gpt(), small_gpt(position="rotary")], ids=["gpt", "rotary"])
def test_it_gives_what_sampling_gave(arch, prefix):
    rollout = draw(arch, stop=(3, 4, 5, 6, 7), prefix_attention=prefix)
    scores = teacher_forced(arch, *of(rollout), pad=0, prefix_attention=prefix)
    torch.testing.assert_close(scores.log_probs, rollout.log_probs, atol=1e-4, rtol=0)
    assert (scores.entropy[rollout.mask] > 0).all() and (scores.entropy[~rollout.mask] == 0).all()
    assert scores.values is None


def test_an_encoder_decoder_too():
    arch = small_t5()
    rollout = draw(arch, stop=(3, 4, 5, 6, 7, 8, 9))
    scores = teacher_forced(arch, *of(rollout), pad=0)
    torch.testing.assert_close(scores.log_probs, rollout.log_probs, atol=1e-4, rtol=0)


def test_the_end_of_a_source_is_read_and_is_not_a_part_of_the_prompt():
    arch = small_t5()
    rollout = draw(arch, source_end=9)
    marked = draw(arch, [torch.cat((row, torch.tensor([9]))) for row in PROMPTS])
    assert torch.equal(rollout.response, marked.response)
    assert [len(row) for row in rollout.prompts()] == [3, 3, 1, 1, 5, 5]
    scores = teacher_forced(arch, *of(rollout), pad=0, source_end=9)
    torch.testing.assert_close(scores.log_probs, rollout.log_probs, atol=1e-4, rtol=0)
    states = final_hidden(arch, *of(rollout), pad=0, source_end=9)
    torch.testing.assert_close(states, final_hidden(arch, *of(marked), pad=0))


def test_prompts_are_read_as_the_weights_learned_them():
    arch = small_gpt()
    arch.prefix_attention = True
    rollout = draw(arch)
    assert torch.equal(rollout.response, draw(arch, prefix_attention=True).response)
    scores = teacher_forced(arch, *of(rollout), pad=0)
    torch.testing.assert_close(scores.log_probs, rollout.log_probs, atol=1e-4, rtol=0)
    causal = teacher_forced(arch, *of(rollout), pad=0, prefix_attention=False)
    assert float((causal.log_probs - scores.log_probs).detach().abs().max()) > 1e-3


def test_temperature_scales_the_logits():
    arch = small_gpt()
    rollout = draw(arch, temperature=0.5)
    scores = teacher_forced(arch, *of(rollout), pad=0, temperature=0.5)
    torch.testing.assert_close(scores.log_probs, rollout.sampling_log_probs, atol=1e-4, rtol=0)


def test_micro_batches_change_neither_scores_nor_gradients():
    rollout = draw(small_gpt(), stop=(3, 4, 5, 6, 7))
    results = []
    for micro in (None, 1, 4):
        arch, head = small_gpt(), torch.nn.Linear(32, 1)
        with torch.no_grad():
            head.weight.fill_(0.1)
        scores = teacher_forced(arch, *of(rollout), pad=0, value_head=head, micro_rows=micro)
        (scores.log_probs.sum() + scores.entropy.sum() + scores.values.sum()).backward()
        results.append((scores, [p.grad for p in arch.parameters()]))
    for scores, grads in results[1:]:
        torch.testing.assert_close(scores.log_probs, results[0][0].log_probs, atol=1e-5, rtol=0)
        torch.testing.assert_close(scores.values, results[0][0].values, atol=1e-5, rtol=0)
        torch.testing.assert_close(grads, results[0][1], atol=1e-3, rtol=1e-4)


def test_values_are_of_the_state_before_the_token():
    arch = small_gpt()
    prompt, response = torch.tensor([[0, 1, 2]]), torch.tensor([[5, 6]])
    masks = torch.tensor([[False, True, True]]), torch.tensor([[True, True]])
    scores = teacher_forced(
        arch,
        prompt,
        masks[0],
        response,
        masks[1],
        pad=0,
        value_head=lambda hidden: hidden[:, 0],
        with_log_probs=False,
    )
    assert scores.log_probs is None and scores.entropy is None
    hidden = arch(torch.tensor([[1, 2, 5, 6]]))
    torch.testing.assert_close(scores.values, hidden[:, 1:3, 0])


def test_no_logits_of_prompts_exist(monkeypatch):
    arch = small_gpt()
    rollout = draw(arch)
    monkeypatch.setattr(arch, "unembed", None)
    rows = []
    monkeypatch.setattr(
        "lmlab.rollout.teacher_forced.token_scores",
        lambda hidden, *_: rows.append(len(hidden)) or (hidden[:, 0], hidden[:, 0]),
    )
    teacher_forced(arch, *of(rollout), pad=0)
    assert rows == [int(rollout.mask.sum())]


@pytest.mark.parametrize("arch", [small_gpt(), small_t5()], ids=["gpt", "t5"])
def test_final_hidden_is_that_of_the_last_token_whatever_the_padding(arch):
    rollout = draw(arch, stop=(3, 4, 5, 6, 7))
    hidden = final_hidden(arch, *of(rollout), pad=0)
    for row, (prompt, response) in enumerate(
        zip(rollout.prompts(), rollout.responses(), strict=True)
    ):
        if arch.kind == "decoder":
            expected = arch(torch.cat((prompt, response))[None])[0, -1]
        else:
            tokens = torch.cat((torch.tensor([0]), response))
            expected = arch(prompt[None], tokens[None])[0, -1]
        torch.testing.assert_close(hidden[row], expected, atol=1e-4, rtol=1e-4)


def test_joined_leaves_no_gap():
    tokens, mask = joined(
        torch.tensor([[0, 1], [2, 3]]),
        torch.tensor([[False, True], [True, True]]),
        torch.tensor([[4, 0], [5, 6]]),
        torch.tensor([[True, False], [True, True]]),
    )
    assert tokens[0, :2].tolist() == [1, 4] and tokens[1].tolist() == [2, 3, 5, 6]
    assert mask.sum(dim=1).tolist() == [2, 4]
