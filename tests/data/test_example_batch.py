"""Batches of encoded examples: literal tensors, and logits that packing does not change."""

from __future__ import annotations

import numpy as np
import torch

from lmlab.batch import Vocab
from lmlab.data.conversation import single
from lmlab.data.encode import Encoded
from lmlab.data.example_batch import (
    filled,
    packed_batch,
    pad_of,
    prompt_batch,
    rounded,
    seq2seq_batch,
)
from tests.conftest import small_gpt

VOCAB = Vocab(size=20, eos=0, pad=9)


def made(tokens: list[int], prompt: int) -> Encoded:
    scored = np.arange(len(tokens)) >= prompt
    ids = np.array(tokens)
    return Encoded(ids, scored, ids[:prompt], single("a", "b"))


def test_a_packed_row_by_hand():
    batch = packed_batch([[made([1, 2, 3], 1), made([4, 5], 1)]], 5, VOCAB)
    assert batch.tokens.tolist() == [[1, 2, 4, 9, 9]]
    assert batch.targets.tolist() == [[2, 3, 5, 9, 9]]
    assert batch.mask.tolist() == [[True, True, True, False, False]]
    assert batch.positions.tolist() == [[0, 1, 0, 0, 0]]
    assert batch.documents.tolist() == [[0, 0, 1, -1, -1]]


def test_source_and_target_by_hand():
    batch = seq2seq_batch([made([1, 2, 3, 4], 2), made([5, 6], 1)], 4, 3, VOCAB)
    assert batch.source.tolist() == [[1, 2, 0, 9], [5, 0, 9, 9]]
    assert batch.source_mask.sum(1).tolist() == [3, 2]
    assert batch.tokens.tolist() == [[9, 3, 4], [9, 6, 9]]
    assert batch.targets.tolist() == [[3, 4, 9], [6, 9, 9]]
    assert batch.mask.tolist() == [[True, True, False], [True, False, False]]


def test_prompts_by_hand():
    batch = prompt_batch([np.array([1, 2, 3]), np.array([4])], [7, -1], 6, VOCAB)
    assert batch.tokens.tolist() == [[1, 2, 3, 9, 9, 9], [4, 9, 9, 9, 9, 9]]
    assert batch.lengths.tolist() == [3, 1] and batch.index.tolist() == [7, -1]


def test_packed_examples_have_the_logits_they_have_alone():
    torch.manual_seed(0)
    arch = small_gpt(vocab_size=20).eval()
    examples = [made([1, 2, 3, 4], 1), made([5, 6, 7], 1), made([8, 3, 2, 1, 6], 2)]
    together = packed_batch([examples], 16, VOCAB)
    with torch.no_grad():
        packed = arch(*together.inputs)[0]
        at = 0
        for example in examples:
            alone = packed_batch([[example]], example.length, VOCAB)
            hidden = arch(*alone.inputs)[0]
            assert torch.allclose(packed[at : at + example.length], hidden, atol=1e-5)
            at += example.length


def test_widths_and_padding():
    assert [rounded(n, 20) for n in (0, 1, 8, 9, 20, 30)] == [1, 8, 8, 16, 20, 20]
    assert pad_of(VOCAB) == 9 and pad_of(Vocab(size=2, eos=1)) == 1
    tokens, real = filled([np.array([1]), np.array([], np.int64)], 2, 9)
    assert tokens.tolist() == [[1, 9], [9, 9]] and real.tolist() == [[True, False], [False, False]]


def test_a_prefix_is_the_prompt_of_each_example():
    rows = [[made([1, 2, 3, 4], 2), made([5, 6], 1)]]
    batch = packed_batch(rows, 5, VOCAB, prefix_attention=True)
    assert batch.prefix is not None
    assert batch.prefix.tolist() == [[True, True, False, True, False]]
    assert packed_batch(rows, 5, VOCAB).prefix is None
    arch = small_gpt(vocab_size=20).eval()
    changed = batch.map(torch.clone)
    changed.tokens[0, 1] = 7  # a later token of the first prompt
    with torch.no_grad():
        before, after = arch(*batch.inputs), arch(*changed.inputs)
    assert not torch.allclose(before[0, 0], after[0, 0])
    torch.testing.assert_close(before[0, 3:4], after[0, 3:4])  # the second example does not see it
