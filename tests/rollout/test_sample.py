from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.arch.test_t5 import small_t5
from tests.conftest import small_gpt
from tests.rollout.law import PROMPTS, draw


def by_hand(arch, prompt, response):
    """Log-probabilities of a response, each from a forward pass over one unpadded sequence."""
    with torch.no_grad():
        if arch.kind == "encoder_decoder":
            tokens = torch.cat((torch.tensor([0]), response[:-1]))
            logits = arch.unembed(arch(prompt[None], tokens[None]))[0]
        else:
            logits = arch.unembed(arch(torch.cat((prompt, response))[None]))[
                0, len(prompt) - 1 : -1
            ]
    return logits.log_softmax(-1).gather(1, response[:, None]).squeeze(1)


@pytest.mark.parametrize(
    "arch",
    [
        small_gpt(),
        small_gpt(position="rotary", num_kv_heads=2),
        small_gpt(position="none"),
        small_t5(),
    ],
    ids=["learned", "rotary, grouped", "no positions", "t5"],
)
def test_log_probs_equal_a_teacher_forced_pass_for_prompts_of_all_lengths(arch):
    rollout = draw(arch, stop=(3, 4, 5, 6, 7))
    assert rollout.finished.any() and len(rollout.mask.sum(dim=1).unique()) > 1
    for row, (prompt, response) in enumerate(
        zip(rollout.prompts(), rollout.responses(), strict=True)
    ):
        got = rollout.log_probs[row, : len(response)]
        torch.testing.assert_close(got, by_hand(arch, prompt, response), atol=1e-4, rtol=0)
        assert torch.equal(prompt, PROMPTS[row // 2])
    assert torch.equal(rollout.log_probs, rollout.sampling_log_probs)


def test_shapes_padding_and_groups():
    rollout = draw(small_gpt(), stop=tuple(range(8)))
    assert rollout.group.tolist() == [0, 0, 1, 1, 2, 2]
    assert rollout.prompt.tolist()[2] == [0, 0, 0, 0, 4]
    assert rollout.prompt_mask[2].tolist() == [False] * 4 + [True]
    assert (rollout.response[~rollout.mask] == 0).all()
    assert (rollout.log_probs[~rollout.mask] == 0).all()
    assert (rollout.mask[:, 1:] <= rollout.mask[:, :-1]).all()  # no gap
    for row, tokens in enumerate(rollout.responses()):
        assert (tokens[:-1] >= 8).all() and bool(tokens[-1] < 8) == bool(rollout.finished[row])


def test_a_rows_draws_do_not_depend_on_the_other_rows():
    arch = small_gpt()
    together = draw(arch, stop=(3, 4, 5), num_samples=3)
    for index, prompt in enumerate(PROMPTS):
        alone = draw(arch, [prompt], seeds=[index], stop=(3, 4, 5), num_samples=3)
        for sample in range(3):
            expected = together.responses()[3 * index + sample]
            assert torch.equal(alone.responses()[sample], expected)


def test_other_seeds_and_other_samples_draw_other_tokens():
    arch = small_gpt()
    one, other = draw(arch), draw(arch, seeds=[7, 8, 9])
    assert not torch.equal(one.response, other.response)
    assert not torch.equal(one.response[0], one.response[1])
    assert torch.equal(one.response, draw(arch).response)


def test_the_draws_follow_the_distribution():
    arch = small_gpt(vocab_size=4)
    rollout = draw(arch, [torch.tensor([1])], num_samples=4000, max_new_tokens=1)
    share = torch.bincount(rollout.response[:, 0], minlength=4) / 4000
    with torch.no_grad():
        expected = arch.unembed(arch(torch.tensor([[1]])))[0, 0].softmax(-1)
    torch.testing.assert_close(share, expected, atol=0.03, rtol=0)


def test_finished_rows_leave_the_batch_and_one_prefill_serves_all_samples():
    arch, sizes = small_gpt(), []
    arch.token_embedding.register_forward_hook(lambda _, args, __: sizes.append(args[0].shape))
    draw(arch, stop=tuple(range(30)), num_samples=4)
    assert sizes[0] == (3, 5)
    rows = [shape[0] for shape in sizes[1:]]
    assert max(rows) <= 12 and rows == sorted(rows, reverse=True) and rows[-1] < rows[0]


def test_prefix_attention_lets_the_prompt_see_itself():
    arch = small_gpt()
    rollout = draw(arch, prefix_attention=True, num_samples=1)
    for row, (prompt, response) in enumerate(
        zip(rollout.prompts(), rollout.responses(), strict=True)
    ):
        tokens = torch.cat((prompt, response))[None]
        prefix = torch.arange(tokens.shape[1])[None] < len(prompt)
        with torch.no_grad():
            logits = arch.unembed(arch(tokens, None, None, prefix))[0, len(prompt) - 1 : -1]
        expected = logits.log_softmax(-1).gather(1, response[:, None]).squeeze(1)
        torch.testing.assert_close(rollout.log_probs[row], expected, atol=1e-4, rtol=0)


def test_sampling_log_probs_are_those_of_what_was_drawn_from():
    arch, prompt = small_gpt(), torch.tensor([1, 2])
    rollout = draw(arch, [prompt], num_samples=1, max_new_tokens=1, temperature=0.5, top_k=3)
    with torch.no_grad():
        logits = arch.unembed(arch(prompt[None]))[0, -1] / 0.5
    top = logits.topk(3)
    token = rollout.response[0, 0]
    assert token in top.indices
    expected = top.values.log_softmax(-1)[top.indices == token]
    torch.testing.assert_close(rollout.sampling_log_probs[0], expected, atol=1e-5, rtol=0)
    assert draw(arch, temperature=0.0).sampling_log_probs.abs().max() == 0


def test_a_strong_repetition_penalty_repeats_nothing():
    rollout = draw(small_gpt(), [torch.arange(10)], temperature=0.0, repetition_penalty=1e6)
    for tokens in rollout.responses():
        assert len(tokens.unique()) == len(tokens) and (tokens >= 10).all()


def test_weights_modes_and_layers_are_as_before_and_gradients_still_flow():
    arch = small_gpt().train()
    before = {name: value.clone() for name, value in arch.state_dict().items()}
    with torch.autocast("cpu", torch.bfloat16):
        rollout = draw(arch)
        arch.unembed(arch(rollout.response)).sum().backward()
    assert arch.training and all("forward" not in m.__dict__ for m in arch.modules())
    assert all(torch.equal(value, before[name]) for name, value in arch.state_dict().items())
    assert all(p.grad is not None and p.dtype == torch.float32 for p in arch.parameters())


def test_what_cannot_be_sampled_is_refused_in_plain_words():
    arch = small_gpt(max_seq_len=8)
    with pytest.raises(ValueError, match="a prompt of 5 tokens and max_new_tokens=4 do not fit"):
        draw(arch, max_new_tokens=4)
    with pytest.raises(ValueError, match=r"prompts \[1\] have no tokens"):
        draw(arch, [torch.tensor([1]), torch.zeros(0, dtype=torch.long)], max_new_tokens=2)
    with pytest.raises(ValueError, match="3 prompts need as many seeds, got 2"):
        draw(arch, seeds=np.arange(2), max_new_tokens=2)
    arch.kind = "encoder"
    with pytest.raises(ValueError, match="cannot generate text"):
        draw(arch, max_new_tokens=2)


def test_logits_that_are_not_finite_are_refused():
    arch = small_gpt()
    with torch.no_grad():
        arch.final_norm.weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="logits are not finite"):
        draw(arch)


def test_a_compiled_architecture_is_sampled_without_compiling_every_length():
    arch = small_gpt()
    expected = draw(arch)

    def refuse(*_, **__):
        raise AssertionError

    arch._compiled_call_impl = refuse
    assert torch.equal(draw(arch).response, expected.response)
    assert arch._compiled_call_impl is refuse


def test_how_likely_tokens_were_is_only_kept_where_it_is_asked_for():
    for settings in ({}, {"temperature": 0.0}, {"temperature": 0.5, "top_k": 9}):
        asked, plain = draw(small_gpt(), **settings), draw(small_gpt(), log_probs=False, **settings)
        assert torch.equal(asked.response, plain.response)
        assert plain.log_probs is None and plain.sampling_log_probs is None


def test_the_end_of_a_source_needs_room_too():
    arch = small_t5()
    long = [torch.ones(arch.max_seq_len, dtype=torch.int64)]
    draw(arch, long)
    with pytest.raises(ValueError, match="do not fit"):
        draw(arch, long, source_end=9)
