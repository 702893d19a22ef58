"""The objectives beside published implementations: transformers' collator, and T5's own code.

published_t5.json has what t5.data.preprocessors 0.9.4 returned for the rows and masks that it lists.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lmlab.batch import Example, Vocab
from lmlab.objective.denoise import span_starts
from lmlab.objective.noise import span_mask
from tests.objective import slide

PAD, MASK, CLS, EOS, NUM_MARKS, SIZE = 0, 1, 2, 3, 4, 500
VOCAB = Vocab(size=SIZE, eos=EOS, pad=PAD, mask=MASK, cls=CLS, sep=EOS)
ROWS, LENGTH = 600, 127


def rows() -> np.ndarray:
    """Windows of ordinary tokens (ROWS, LENGTH), each ended by eos."""
    tokens = np.random.default_rng(0).integers(NUM_MARKS, SIZE, (ROWS, LENGTH))
    tokens[:, -1] = EOS
    return tokens


def ours(**changes: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs, what they were, and what is predicted, (ROWS, LENGTH + 1)."""
    objective = slide.make("mlm", vocab=VOCAB, word_starts=None, **changes)
    examples = [Example(row, LENGTH) for row in rows()]
    batch = objective.collate(examples, slide.seeds(ROWS), True)
    return batch.tokens, batch.targets, batch.mask


def theirs(**changes: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The same of transformers' collator."""
    transformers = pytest.importorskip("transformers", reason="needs transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = {f"w{index}": index for index in range(SIZE)}
    words |= {"[PAD]": PAD, "[MASK]": MASK, "[CLS]": CLS, "[SEP]": EOS}
    for index in range(NUM_MARKS):
        del words[f"w{index}"]
    level = tokenizers.models.WordLevel(words, unk_token="[PAD]")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(level),
        pad_token="[PAD]", mask_token="[MASK]", cls_token="[CLS]", sep_token="[SEP]",
    )  # fmt: skip
    collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm=True, **changes)
    torch.manual_seed(0)
    original = torch.cat([torch.full((ROWS, 1), CLS), torch.from_numpy(rows())], dim=1)
    made = collator([{"input_ids": row} for row in original])
    return made["input_ids"], original, made["labels"] != -100


def shares(
    tokens: torch.Tensor, original: torch.Tensor, chosen: torch.Tensor
) -> dict[str, tuple[float, int]]:
    """Fractions, each with the number of places it is a fraction of."""
    ordinary, number = original >= NUM_MARKS, int(chosen.sum())
    masked, kept = chosen & (tokens == MASK), chosen & (tokens == original)
    assert torch.equal(tokens[~chosen], original[~chosen]) and not (chosen & ~ordinary).any()
    replaced = tokens[chosen & ~masked & ~kept]
    return {
        "chosen": (number / int(ordinary.sum()), int(ordinary.sum())),
        "masked": (int(masked.sum()) / number, number),
        "kept": (int(kept.sum()) / number, number),
        "low half": (float((replaced < SIZE / 2).float().mean()), len(replaced)),
    }


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ({}, {}),
        (
            {"rate": 0.4, "mask_fraction": 0.5, "random_fraction": 0.3, "keep_fraction": 0.2},
            {"mlm_probability": 0.4, "mask_replace_prob": 0.5, "random_replace_prob": 0.3},
        ),
    ],
)
def test_masked_tokens_are_chosen_and_replaced_as_by_transformers(own, other):
    found, published = shares(*ours(**own)), shares(*theirs(**other))
    for name, (share, number) in found.items():
        right, count = published[name]
        deviation = math.sqrt(right * (1 - right) * (1 / number + 1 / count))
        # transformers may draw a mark, or the token itself, as the random one: 1 in 100 of them
        assert abs(share - right) < 4.5 * deviation + 0.003, name


T5 = json.loads(Path(__file__).with_name("published_t5.json").read_text(encoding="utf-8"))
NAMES = tuple(range(T5["vocab_size"] - 1, 99, -1))  # its sentinels count down from the last id
FULL = Vocab(size=T5["vocab_size"], eos=1, pad=0, mask=NAMES[0], sentinels=NAMES)


@pytest.mark.parametrize("case", T5["lengths"], ids=str)
def test_windows_are_as_long_as_t5_makes_them(case):
    """Its random_spans_helper: the tokens that fill a source, and what their target has."""
    keys = {"rate": case["rate"], "mean_span": case["mean_span"]}
    objective = slide.make("random_spans", vocab=FULL, **keys)
    size = objective.size(case["tokens"])
    assert size.source + 1 == case["source"]
    # Ours has one more, the sentinel that ends the slide's lines; T5's has it where text follows.
    assert size.target + 1 == case["targets"] + 1
    if case["targets"] < case["source"]:
        assert objective.window(case["source"]).length == case["tokens"]


def noise_as(case: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch) -> Example:
    """The example of a case, with its noise in place of every objective's own."""
    hidden = np.array(case["hidden"], bool)[None, :]
    for module in ("random_spans.span_mask", "replace_spans.iid_mask", "drop_tokens.iid_mask",
                   "mass.iid_mask"):  # fmt: skip
        monkeypatch.setattr(f"lmlab.objective.{module}", lambda *a: hidden)
    return Example(np.array(case["tokens"]), len(case["tokens"]))


@pytest.mark.parametrize("case", T5["rules"], ids=range(len(T5["rules"])))
@pytest.mark.parametrize(
    ("option", "reads", "writes"),
    [
        ("random_spans", "noise_span_to_unique_sentinel", "nonnoise_span_to_unique_sentinel"),
        ("replace_spans", "noise_span_to_unique_sentinel", "nonnoise_span_to_unique_sentinel"),
        ("drop_tokens", "drop_noise_tokens", "drop_nonnoise_tokens"),
        ("mass", "noise_token_to_sentinel", None),
    ],
)
def test_sources_and_targets_are_those_of_t5(option, reads, writes, case, monkeypatch):
    keys = {"rate": sum(case["hidden"]) / len(case["hidden"])}  # the batch is as wide as needed
    if option == "random_spans":
        spans = sum(name in NAMES for name in case[reads])
        keys["mean_span"] = sum(case["hidden"]) / spans
    objective = slide.make(option, vocab=FULL, **keys)
    batch = objective.collate([noise_as(case, monkeypatch)], slide.seeds(1), True)
    source = batch.source[0][batch.source_mask[0]].tolist()
    target = batch.targets[0][batch.mask[0]].tolist()
    assert source == [*case[reads], 1]
    right = case[writes] if writes else case["tokens"]
    if option.endswith("spans") and case["hidden"][-1]:
        right = [*right, NAMES[sum(name in NAMES for name in case[reads])]]
    assert target == [*right, 1]


@pytest.mark.parametrize("case", T5["masks"], ids=lambda case: str(case["length"]))
def test_spans_fall_where_those_of_t5_fall(case):
    number, length = 4000, case["length"]
    noise = span_mask(
        slide.seeds(number), np.full(number, length), length, case["rate"], case["mean_span"]
    )
    starts = span_starts(noise)
    assert sorted(set(noise.sum(1).tolist())) == case["hidden"]
    assert sorted(set(starts.sum(1).tolist())) == case["spans"]
    deviation = math.sqrt(0.25 * (1 / number + 1 / case["num"]))
    assert np.abs(noise.mean(axis=0) - np.array(case["at"])).max() < 4.5 * deviation
    edges = np.diff(np.pad(noise.astype(int), ((0, 0), (1, 1))), axis=1)
    lengths = np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1]
    shares_of = np.bincount(lengths, minlength=12)[:12] / len(lengths)
    assert np.abs(shares_of - np.array(case["runs"])).max() < 0.02
