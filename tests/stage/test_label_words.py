from __future__ import annotations

import numpy as np
import torch

from lmlab.batch import LabelBatch
from lmlab.stage.label_words import LabelWords
from tests.arch.test_t5 import small_t5

WORDS = [np.array([5, 6, 60]), np.array([7, 60])]


def batch() -> LabelBatch:
    tokens = torch.randint(0, 60, (3, 1, 8), generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([[8], [5], [2]])
    label = torch.tensor([0, 1, 0])
    zeros = torch.zeros(3, dtype=torch.int64)
    return LabelBatch(tokens, lengths, torch.zeros_like(tokens), label, zeros.float(), zeros)


def by_hand(arch, tokens, words):
    """The sum of log P(word | text, words before), a text at a time."""
    decoder = torch.tensor([[59, *words[:-1]]])
    log_probs = arch.unembed(arch(tokens[None], decoder))[0].log_softmax(dim=1)
    return log_probs[torch.arange(len(words)), torch.as_tensor(words)].sum()


def test_likelihoods_by_hand_and_of_all_classes_at_once():
    arch, about, words = small_t5(), batch(), LabelWords(WORDS, 59)
    scores = words.scores(arch, about)
    for row in range(3):
        text = about.tokens[row, 0, : about.lengths[row, 0]]
        expected = torch.stack([by_hand(arch, text, each) for each in WORDS])
        torch.testing.assert_close(scores[row], expected, atol=1e-4, rtol=1e-4)
    picked = scores.gather(1, about.label[:, None]).squeeze(1)
    torch.testing.assert_close(words.log_probs(arch, about), picked, atol=1e-4, rtol=1e-4)


def test_only_training_keeps_gradients():
    arch, words = small_t5(), LabelWords(WORDS, 59)
    words.log_probs(arch, batch()).sum().backward()
    assert arch.token_embedding.weight.grad is not None
    assert not words.scores(arch, batch()).requires_grad
