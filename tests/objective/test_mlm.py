from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lmlab.batch import Example, Head, Lengths, Vocab, Window, mix
from lmlab.objective.mlm import MaskedLanguageModelling, Noise, corrupt, ordinary_tokens
from lmlab.objective.noise import num_hidden
from tests.objective.words import TEXT, VOCAB, example, ids, read

BIG = Vocab(size=501, eos=500).with_specials("marks")


def objective(vocab: Vocab = BIG, table: np.ndarray | None = None, **changes):
    settings = {
        "vocab": vocab,
        "word_starts": lambda: table,
        "rate": 0.15,
        "mask_fraction": 0.8,
        "random_fraction": 0.1,
        "keep_fraction": 0.1,
        "masking": "token",
        "span_p": None,
        "max_span": None,
    }
    return MaskedLanguageModelling(**(settings | changes))


def word_table() -> np.ndarray:
    return (np.arange(BIG.size) % 3 == 0).astype(np.uint8)


MASKINGS = {
    "token": {},
    "whole_word": {"masking": "whole_word", "table": word_table()},
    "span": {"masking": "span", "span_p": 0.2, "max_span": 10, "table": word_table()},
}


def seeds(number: int, epoch: int = 0) -> np.ndarray:
    return mix(np.arange(number, dtype=np.uint64) + np.uint64(1000 * epoch))


def windows(number: int = 32, length: int = 127, eos_every: int = 50) -> list[Example]:
    """Rows with documents in them; the last is padded, and so is a shorter one."""
    tokens = np.random.default_rng(0).integers(0, 500, (number, length))
    tokens[:, ::eos_every] = 500
    real = [length] * (number - 2) + [length // 2, 0]
    return [Example(row.astype(np.uint16), n) for row, n in zip(tokens, real, strict=True)]


def test_my_dog_is_hairy():
    """80 % [MASK], 10 % apple, 10 % hairy: the three lines of BERT's example."""
    tokens = ids("my dog is hairy")[None]
    chosen = np.array([[False, False, False, True]])

    def line(draw: float) -> str:
        noise = Noise(chosen, np.array([draw]), ids("apple"))
        return read(corrupt(tokens, noise, VOCAB.mask, 0.8, 0.1)[0])

    assert line(0.79) == "my dog is [MASK]"
    assert line(0.85) == "my dog is apple"
    assert line(0.95) == "my dog is hairy"
    assert read(tokens[0]) == "my dog is hairy"


@pytest.mark.parametrize(
    ("draw", "shown"), [(0.0, "[MASK]"), (0.8, "running"), (0.9, "store"), (0.999, "store")]
)
def test_i_went_to_the_store(draw, shown):
    """Rows S3-29 and S4-15: what the encoder reads; the target is `store` in all three cases."""
    tokens = ids("I went to the store")[None]
    noise = Noise(np.arange(5)[None] == 4, np.array([draw]), ids("running"))
    assert read(corrupt(tokens, noise, VOCAB.mask, 0.8, 0.1)[0]) == f"I went to the {shown}"


def test_the_man_went_to_the_mask_to_buy_a_mask_of_milk():
    """Row S3-28, with two of twelve tokens masked."""
    tokens = ids("the man went to the store to buy a gallon of milk")[None]
    chosen = np.isin(np.arange(12), [5, 9])[None]
    noise = Noise(chosen, np.zeros(2), np.zeros(2, np.int64))
    assert read(corrupt(tokens, noise, VOCAB.mask, 0.8, 0.1)[0]) == (
        "the man went to the [MASK] to buy a [MASK] of milk"
    )


def test_a_row_is_cls_and_a_window():
    task = objective(VOCAB, mask_fraction=1.0, random_fraction=0.0, keep_fraction=0.0, rate=0.25)
    batch = task.collate([example("| my dog is hairy", 6)], seeds(1), True)
    assert read(batch.targets[0]) == "[CLS] | my dog is hairy [PAD]"
    assert int(batch.mask.sum()) == 1 and batch.mask[0, 2:6].any()
    assert read(batch.tokens[0]).count("[MASK]") == 1
    assert batch.documents.tolist() == [[0, 0, 0, 0, 0, 0, -1]] and batch.positions is None
    assert task.window(7) == Window(6, 6)
    assert task.lengths(7) == Lengths(source=0, target=7, scored=1.5)


def test_documents_are_told_apart_and_positions_restart():
    task = objective(VOCAB)
    text = "hairy | my dog | is"
    batch = task.collate([example(text, 7), example("| my", 7)], seeds(2), False)
    assert batch.documents.tolist() == [
        [0, 0, 1, 1, 1, 2, 2, -1],
        [1, 1, 1, -1, -1, -1, -1, -1],
    ]
    assert batch.positions[0].tolist() == [0, 1, 0, 1, 2, 0, 1, 0]
    whole = task.collate([example(text, 6)], seeds(1), True)
    assert whole.documents is None and whole.positions is None


@pytest.mark.parametrize("masking", MASKINGS)
class TestLaws:
    def batch(self, masking, rows=slice(None), epoch=0, cross=False):
        return objective(**MASKINGS[masking]).collate(
            windows()[rows], seeds(32, epoch)[rows], cross
        )

    def test_corrupt_and_restore_gives_the_original(self, masking):
        batch, rows = self.batch(masking), windows()
        restored = torch.where(batch.mask, batch.targets, batch.tokens)
        assert torch.equal(restored, batch.targets)
        for row, window in zip(restored.numpy(), rows, strict=True):
            assert row[0] == BIG.cls and (row[1 + window.num_real :] == BIG.pad).all()
            assert np.array_equal(row[1 : 1 + window.num_real], window.tokens[: window.num_real])

    def test_exactly_the_rate_of_the_ordinary_tokens_is_chosen(self, masking):
        batch = self.batch(masking)
        ordinary = torch.from_numpy(ordinary_tokens(BIG))[batch.targets]
        assert not (batch.mask & ~ordinary).any()
        wanted = num_hidden(ordinary.sum(1).numpy(), 0.15)
        assert batch.mask.sum(1).tolist() == wanted.tolist()
        assert wanted[-1] == 0 and wanted[0] == round(0.15 * 124)

    def test_a_batch_is_the_same_whoever_makes_it(self, masking):
        whole, again = self.batch(masking), self.batch(masking)
        assert torch.equal(whole.tokens, again.tokens)
        for row in (0, 7, 30, 31):
            alone = self.batch(masking, slice(row, row + 1))
            for name in ("tokens", "targets", "mask", "documents", "positions"):
                assert torch.equal(getattr(alone, name)[0], getattr(whole, name)[row])

    def test_each_epoch_hides_other_tokens(self, masking):
        first, second = self.batch(masking).mask, self.batch(masking, epoch=1).mask
        both = float((first & second).sum() / first.sum())
        assert not torch.equal(first, second) and both < 0.3

    def test_documents_do_not_change_what_is_hidden(self, masking):
        assert torch.equal(self.batch(masking).tokens, self.batch(masking, cross=True).tokens)


def test_the_three_fractions_are_binomial():
    task = objective()
    rows = [Example(np.arange(500) % 500, 500)] * 200
    batch = task.collate(rows, seeds(200), True)
    number = int(batch.mask.sum())
    shown, real = batch.tokens[batch.mask], batch.targets[batch.mask]
    masked, kept = int((shown == BIG.mask).sum()), int((shown == real).sum())
    by_chance = 0.1 / 500  # a random token may be the same one
    assert number == 200 * 75
    for share, count in (
        (0.8, masked),
        (0.1 + by_chance, kept),
        (0.1 - by_chance, number - masked - kept),
    ):
        assert abs(count - share * number) < 4 * math.sqrt(number * share * (1 - share))


def test_a_replacement_is_any_ordinary_token_and_never_a_special_one():
    task = objective(VOCAB, mask_fraction=0.0, random_fraction=1.0, keep_fraction=0.0, rate=1.0)
    rows = [Example(np.arange(len(TEXT)), len(TEXT))] * 100
    shown = task.collate(rows, seeds(100), True).tokens[:, 1:]
    assert sorted(set(shown.flatten().tolist())) == list(range(len(TEXT)))


def test_a_span_is_masked_replaced_or_kept_as_one():
    task = objective(masking="span", span_p=0.2, max_span=10)
    tokens = np.arange(400)[None].repeat(20, 0)
    noise = task.noise(seeds(20), tokens)
    chosen, units = task._choose(seeds(20), tokens, np.ones_like(tokens, bool))
    rows, places = np.nonzero(chosen)
    by_span: dict[tuple[int, int], set[float]] = {}
    for row, place, draw in zip(rows, places, noise.draw, strict=True):
        by_span.setdefault((row, units[row, place]), set()).add(float(draw))
    assert all(len(draws) == 1 for draws in by_span.values())
    assert 2.5 < len(rows) / len(by_span) < 4.5


def test_whole_words_are_hidden_whole():
    batch = TestLaws().batch("whole_word")
    inside = torch.from_numpy(word_table() == 0)[batch.targets[:, 1:]]
    ordinary = torch.from_numpy(ordinary_tokens(BIG))[batch.targets]
    together = inside & ordinary[:, 1:] & ordinary[:, :-1]
    assert torch.equal(batch.mask[:, 1:][together], batch.mask[:, :-1][together])


def head(width: int = 8) -> Head:
    generator = torch.Generator().manual_seed(0)
    return Head(torch.randn(BIG.size, width, generator=generator))


def test_uniform_logits_cost_ln_v():
    batch = TestLaws().batch("token")
    loss = objective().loss(torch.zeros(32, 128, 8), head(), batch)
    assert int(loss.count) == int(batch.mask.sum())
    assert float(loss.total / loss.count) == pytest.approx(math.log(BIG.size), rel=1e-6)
    assert float(loss.metrics["nll"]) == pytest.approx(float(loss.total), rel=1e-6)


def test_only_chosen_places_move_the_loss():
    batch = TestLaws().batch("token")
    hidden = torch.randn(32, 128, 8, generator=torch.Generator().manual_seed(1))
    hidden.requires_grad_()
    loss = objective().loss(hidden, head(), batch)
    loss.total.backward()
    moved = hidden.grad.abs().sum(-1) > 0
    assert torch.equal(moved, batch.mask)
    other = torch.where(batch.mask[..., None], hidden, torch.zeros(()))
    again = objective().loss(other, head(), batch)
    assert float(again.total.detach()) == pytest.approx(float(loss.total.detach()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": 0.0}, "objective.rate=0.0"),
        ({"rate": 1.5}, "objective.rate=1.5"),
        ({"mask_fraction": 0.9}, "their sum 1"),
        ({"masking": "whole_word"}, "objective.masking=whole_word needs a tokenizer"),
        ({"masking": "span"}, "objective=span_mlm"),
        ({"masking": "span", "span_p": 0.0, "max_span": 3}, "objective.span_p=0.0"),
        ({"vocab": Vocab(10, 9)}, "needs the tokens mask"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        objective(**changes)


def test_a_row_has_room_for_more_than_cls():
    with pytest.raises(ValueError, match="data.seq_len=1"):
        objective().window(1)
