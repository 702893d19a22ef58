from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lmlab.batch import Example, Head, Lengths, Vocab, Window, mix
from lmlab.objective.mlm import ordinary_tokens
from lmlab.objective.mlm_nsp import NextSentencePrediction
from lmlab.objective.noise import num_hidden
from tests.objective.words import VOCAB, example, read

BIG = Vocab(size=501, eos=500).with_specials("marks")
FIELDS = ("tokens", "targets", "mask", "segments", "is_next", "documents")


def objective(vocab: Vocab = BIG, **changes) -> NextSentencePrediction:
    settings = {
        "vocab": vocab,
        "word_starts": None,
        "rate": 0.15,
        "mask_fraction": 0.8,
        "random_fraction": 0.1,
        "keep_fraction": 0.1,
        "masking": "token",
        "span_p": None,
        "max_span": None,
        "next_fraction": 0.5,
    }
    return NextSentencePrediction(**(settings | changes))


def seeds(number: int, epoch: int = 0) -> np.ndarray:
    return mix(np.arange(number, dtype=np.uint64) + np.uint64(1000 * epoch))


def windows(number: int = 64, length: int = 61) -> list[Example]:
    tokens = np.random.default_rng(0).integers(0, 500, (number, length))
    tokens[:, ::25] = 500
    real = [length] * (number - 2) + [length // 2, 0]
    found = [Example(row.astype(np.uint16), n) for row, n in zip(tokens, real, strict=True)]
    return beside(found, 8)


def beside(examples: list[Example], number: int) -> list[Example]:
    """Each with the `number` examples after it, in a circle, as its others."""
    circle = [*examples, *examples]
    return [
        replace(example, others=tuple(circle[index + 1 : index + 1 + number]))
        for index, example in enumerate(examples)
    ]


def batch(epoch: int = 0, cross: bool = False, **changes):
    return objective(**changes).collate(windows(), seeds(64, epoch), cross)


PAIRS = (
    "The man went to the store . He bought a gallon of milk .",
    "I went to buy my hairy dog Penguins are flightless . . . .",
)


def test_real_and_false_neighbours_of_two_texts():
    """Rows S3-30, S4-16: the second segment is the text that follows, or the other one's."""
    task = objective(VOCAB, rate=0.01, mask_fraction=0.0, random_fraction=0.0, keep_fraction=1.0)
    seen = set()
    for epoch in range(20):
        pair = beside([example(text, 14) for text in PAIRS], 1)
        made = task.collate(pair, seeds(2, epoch), True)
        for row in range(2):
            words = read(made.tokens[row]).split()
            cut = words.index("[SEP]") - 1
            assert words[0] == "[CLS]" and words[-1] == "[SEP]"
            assert words[1 : cut + 1] == PAIRS[row].split()[:cut]
            follows = bool(made.is_next[row])
            assert words[cut + 2 : -1] == PAIRS[row if follows else 1 - row].split()[cut:]
            assert made.segments[row].tolist() == [0] * (cut + 2) + [1] * (15 - cut)
            seen.add((row, follows, cut))
    assert {(row, follows) for row, follows, _ in seen} == {(r, f) for r in (0, 1) for f in (0, 1)}
    assert {cut for _, _, cut in seen} == set(range(4, 11))


def test_half_of_the_rows_are_real_neighbours():
    follows = sum(int(batch(epoch).is_next[:-2].sum()) for epoch in range(40))
    number = 40 * 62
    assert abs(follows - number / 2) < 4 * math.sqrt(number / 4)


def test_lengths_do_not_tell_a_real_neighbour():
    made = batch()
    ends = (made.targets == BIG.sep).sum(1)
    lengths = (made.targets != BIG.pad).sum(1)
    assert (ends == 2).all() and lengths[:-2].unique().tolist() == [64]
    assert not (made.targets[:, 1:] == BIG.eos)[made.targets[:, :-1] == BIG.sep].any()


def test_corrupt_and_restore_gives_the_original():
    made = batch()
    assert torch.equal(torch.where(made.mask, made.targets, made.tokens), made.targets)
    ordinary = torch.from_numpy(ordinary_tokens(BIG))[made.targets]
    assert not (made.mask & ~ordinary).any()
    assert made.mask.sum(1).tolist() == num_hidden(ordinary.sum(1).numpy(), 0.15).tolist()
    for row in torch.nonzero(made.is_next)[:, 0].tolist():
        text = made.targets[row][(made.targets[row] != BIG.sep) & (made.targets[row] != BIG.cls)]
        window = windows()[row]
        assert text.tolist()[: window.num_real] == window.tokens[: window.num_real].tolist()


def test_the_same_seeds_and_examples_give_the_same_batch():
    first, second = batch(), batch()
    assert all(torch.equal(getattr(first, name), getattr(second, name)) for name in FIELDS)
    assert not torch.equal(first.tokens, batch(epoch=1).tokens)


def test_a_row_depends_on_its_own_seed_and_windows_only():
    whole, rows = batch(), slice(3, 5)
    part = objective().collate(windows()[rows], seeds(64)[rows], False)
    assert all(torch.equal(getattr(part, name), getattr(whole, name)[rows]) for name in FIELDS)
    alone = objective().collate(windows()[3:4], seeds(64)[3:4], False)
    assert torch.equal(alone.tokens, whole.tokens[3:4])


def test_without_other_windows_all_neighbours_are_real():
    alone = [replace(window, others=()) for window in windows(8)]
    assert objective().collate(alone, seeds(8), False).is_next.all()


def test_cls_reads_the_document_at_the_cut():
    task = objective(VOCAB)
    text = "my | is hairy The man went to the | dog"
    made = task.collate([example(text, 12)], seeds(1), False)
    words = read(made.targets[0]).split()
    assert words.count("|") == 2 and 5 <= words.index("[SEP]") <= 8
    documents = dict(zip(words, made.documents[0].tolist(), strict=True))
    assert documents["my"] == 0 and documents["hairy"] == 1 and documents["dog"] == 2
    assert made.documents[0, 0] == 1 and documents["[SEP]"] == 1 and documents["[PAD]"] == -1
    together = task.collate([example(text, 12)], seeds(1), True).documents
    assert together.tolist() == [[0] * 14 + [-1]]
    assert task.collate([example(text, 11)], seeds(1), True).documents is None


def test_eos_may_be_the_same_token_as_sep():
    made = objective(replace(VOCAB, sep=VOCAB.eos)).collate(
        [example("my dog is hairy the man went", 7)], seeds(1), False
    )
    assert made.documents.tolist() == [[0] * 10]


def head() -> Head:
    generator = torch.Generator().manual_seed(0)
    return Head(
        torch.randn(BIG.size, 8, generator=generator),
        next_sentence=lambda hidden: hidden[:, 0, :2],
    )


def test_uniform_logits_cost_ln_v_and_ln_2():
    made = batch()
    loss = objective().loss(torch.zeros(64, 64, 8), head(), made)
    mean = float(loss.total / loss.count)
    assert mean == pytest.approx(math.log(BIG.size) + math.log(2), rel=1e-6)
    nll = loss.metrics["nll"] / loss.count, loss.metrics["next_sentence_nll"] / loss.count
    assert [float(value) for value in nll] == pytest.approx([math.log(BIG.size), math.log(2)])


def test_logit_0_says_that_it_follows():
    made = batch()
    hidden = torch.zeros(64, 64, 8)
    hidden[:, 0, 0] = 50.0 * (2 * made.is_next - 1)
    metrics = objective().loss(hidden, head(), made).metrics
    assert int(metrics["next_sentence_correct"]) == int(made.mask.sum())
    assert float(metrics["next_sentence_nll"]) == pytest.approx(0, abs=1e-6)


def test_only_chosen_places_and_cls_move_the_loss_and_micro_batches_add_up():
    made, task = batch(), objective()
    hidden = torch.randn(64, 64, 8, generator=torch.Generator().manual_seed(1)).requires_grad_()
    whole = task.loss(hidden, head(), made)
    whole.total.backward()
    moved = hidden.grad.abs().sum(-1) > 0
    assert torch.equal(moved[:, 1:], made.mask[:, 1:])
    parts = [
        task.loss(part, head(), micro)
        for part, micro in zip(hidden.split(24), made.split(24), strict=True)
    ]
    total = sum(float(part.total.detach()) for part in parts)
    assert total == pytest.approx(float(whole.total.detach()), rel=1e-5)
    assert sum(int(part.count) for part in parts) == int(whole.count)


def test_windows_leave_room_for_the_marks():
    assert objective().window(64) == Window(61, 61, others=8)
    assert objective().lengths(64) == Lengths(source=0, target=64, scored=0.15 * 61)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="objective.next_fraction=1.0"):
        objective(next_fraction=1.0)
    with pytest.raises(ValueError, match="data.seq_len=4"):
        objective().window(4)
    with pytest.raises(ValueError, match="next-sentence head"):
        objective().loss(torch.zeros(64, 64, 8), Head(torch.zeros(BIG.size, 8)), batch())
