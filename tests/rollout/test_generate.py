from __future__ import annotations

import torch

from lmlab.rollout.generate import generate, seeds_from
from tests.conftest import small_gpt


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


def test_a_generator_moves_on():
    generator = torch.Generator().manual_seed(0)
    assert seeds_from(generator, 3).tolist() != seeds_from(generator, 3).tolist()


def test_generation_stops_at_the_longest_sequence_and_keeps_the_mode():
    model = small_gpt(max_seq_len=8).train()
    assert generate(
        model, torch.zeros(1, 5, dtype=torch.long), max_new_tokens=99, temperature=1.0
    ).shape == (1, 3)
    assert model.training
    assert generate(
        model, torch.zeros(1, 0, dtype=torch.long), max_new_tokens=3, temperature=1.0
    ).shape == (1, 0)


def test_a_stop_token_ends_a_row_and_padding_follows():
    model, prompt = small_gpt().eval(), torch.tensor([[1, 2, 3], [7, 8, 9]])
    free = generate(model, prompt, max_new_tokens=6, temperature=0.0)
    stop = int(free[0, 1])
    row = generate(model, prompt, max_new_tokens=6, temperature=0.0, stop=(stop,), pad=60)[0]
    index = free[0].tolist().index(stop)
    assert row[: index + 1].tolist() == free[0, : index + 1].tolist()
    assert (row[index + 1 :] == 60).all()
