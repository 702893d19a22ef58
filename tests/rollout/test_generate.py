from __future__ import annotations

import torch

from lmlab.rollout.generate import generate, pick
from tests.conftest import small_gpt


def test_pick_takes_the_likeliest_at_temperature_zero():
    assert pick(torch.tensor([[0.0, 5.0, 1.0]]), 0.0, None).tolist() == [1]


def test_greedy_generation_equals_recomputing_everything():
    model = small_gpt().eval()
    prompt = torch.tensor([[1, 2, 3], [4, 5, 6]])
    new = generate(model, prompt, max_new_tokens=10, temperature=0.0)
    tokens = prompt
    for _ in range(10):
        tokens = torch.cat((tokens, model.unembed(model(tokens)[:, -1]).argmax(-1)[:, None]), dim=1)
    assert torch.equal(new, tokens[:, 3:])


def test_the_same_generator_gives_the_same_text():
    model, prompt = small_gpt(), torch.tensor([[1, 2]])
    texts = [
        generate(
            model,
            prompt,
            max_new_tokens=8,
            temperature=1.0,
            generator=torch.Generator().manual_seed(seed),
        ).tolist()
        for seed in (3, 3, 4)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_generation_stops_at_the_longest_sequence_and_keeps_the_mode():
    model = small_gpt(max_seq_len=8).train()
    assert generate(
        model, torch.zeros(1, 5, dtype=torch.long), max_new_tokens=99, temperature=1.0
    ).shape == (1, 3)
    assert model.training
    assert generate(
        model, torch.zeros(1, 0, dtype=torch.long), max_new_tokens=3, temperature=1.0
    ).shape == (1, 0)
