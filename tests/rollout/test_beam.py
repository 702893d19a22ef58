from __future__ import annotations

import itertools

import pytest
import torch

from lmlab.rollout.beam import beam_search
from tests.arch.test_t5 import small_t5
from tests.conftest import small_gpt

END, PAD = 2, 3
SMALL = {"vocab_size": 5}


def likelihoods(arch, prompt, forced, longest) -> dict[tuple[int, ...], float]:
    """Of every continuation of tokens 0, 1 and 4 up to its end, by one forward pass each."""
    found = {}
    for length in range(longest + 1):
        for tokens in itertools.product((0, 1, 4), repeat=length):
            written = [*forced, *tokens, END]
            if arch.kind == "decoder":
                row = torch.tensor([[*prompt, *written]])
                logits = arch.unembed(arch(row))[0, len(prompt) - 1 : -1]
            else:
                row = torch.tensor([[PAD, *written[:-1]]])
                logits = arch.unembed(arch(torch.tensor([prompt]), row))[0]
            picked = logits.log_softmax(dim=1)[torch.arange(len(written)), torch.tensor(written)]
            found[tokens] = float(picked[len(forced) :].sum())
    return found


@pytest.mark.parametrize(
    ("make", "forced"), [(small_gpt, ()), (small_gpt, (4, 1)), (small_t5, (4,))]
)
def test_a_wide_beam_finds_the_likeliest_of_all(make, forced):
    arch = small_t5_of(5) if make is small_t5 else make(**SMALL).eval()
    torch.manual_seed(1)
    for parameter in arch.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.4)
    prompt = [0, 4, 1]
    with torch.no_grad():
        expected = likelihoods(arch, prompt, forced, 3)
    found = beam_search(
        arch,
        torch.tensor(prompt),
        forced=forced,
        ends=(END,),
        never=(PAD,),
        width=60,
        max_tokens=3,
        pad=PAD,
    )
    assert all(each.closed for each in found) and len(found) == len(expected)
    for each in found:
        assert each.log_prob == pytest.approx(expected[each.tokens], abs=1e-4)
    assert found[0].tokens == max(expected, key=expected.__getitem__)
    assert [each.log_prob for each in found] == sorted((e.log_prob for e in found), reverse=True)


def small_t5_of(size: int):
    from lmlab.arch.t5 import T5
    from tests.arch import seq2seq_laws as laws

    torch.manual_seed(0)
    keys = laws.keywords("t5") | {"width": 32, "max_seq_len": 64, "num_decoder_layers": 3}
    return T5(vocab_size=size, **keys).eval()


def test_where_nothing_ends_the_open_ones_come_back():
    found = beam_search(
        small_gpt(**SMALL).eval(),
        torch.tensor([0, 1]),
        forced=(),
        ends=(),
        never=(END, PAD),
        width=2,
        max_tokens=2,
        pad=PAD,
    )
    assert len(found) == 2 and not any(each.closed for each in found)
    assert all(len(each.tokens) == 2 and not {END, PAD} & set(each.tokens) for each in found)
