"""The example sentence of T5's table 3 as tokens, and objectives as their files make them."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import yaml

from lmlab.batch import Example, Vocab, mix
from tests.conftest import ROOT

TEXT = "Thank you for inviting me to your party last week ."
WORDS = ["<eos>", *TEXT.split(), "apple"]
VOCAB = Vocab(size=len(WORDS), eos=0).with_specials("sentinels")
NAMES = {VOCAB.mask: "<M>", VOCAB.pad: "<pad>", VOCAB.sep: "<sep>"} | dict(
    zip(VOCAB.sentinels, ("<X>", "<Y>", "<Z>"), strict=False)
)
NAMES |= dict(zip(VOCAB.sentinels[-3:], ("[S]", "[X]", "[R]"), strict=True))
ALL = ("prefix_lm", "bert_style", "deshuffle", "mass", "replace_spans", "drop_tokens")
ALL = (*ALL, "random_spans", "span_corruption", "ul2")
BIG = Vocab(size=1000, eos=0).with_specials("sentinels")


def ids(text: str) -> np.ndarray:
    """Words and names of special tokens to (1, L) int64."""
    numbers = {name: token for token, name in NAMES.items()}
    numbers |= {word: token for token, word in enumerate(WORDS)}
    return np.array([[numbers[word] for word in text.split()]])


def words(tokens: Any) -> str:
    """One row of token ids to words."""
    return " ".join(NAMES.get(token) or WORDS[token] for token in map(int, tokens))


def hidden(*names: str) -> np.ndarray:
    """(1, 11) bool: which words of the sentence are hidden."""
    return np.array([[word in names for word in TEXT.split()]])


def shown(rows: Any) -> str:
    """The only row of a Ragged as words."""
    return words(rows.tokens[0][rows.keep[0]])


REAL = np.ones((1, len(TEXT.split())), bool)


def settings(option: str, group: str = "objective") -> dict[str, Any]:
    """An option's file over the file it extends."""
    found = yaml.safe_load((ROOT / "conf" / group / f"{option}.yaml").read_text())
    bases = [
        str(next(iter(entry))) if isinstance(entry, dict) else str(entry)
        for entry in found.pop("defaults", [])
    ]
    for base in bases:
        if base != "_self_":
            found = settings(base.partition("@")[0], group) | found
    return found


def factory_of(keys: dict[str, Any]) -> Any:
    """The class that a node names; its `_target_` and `_partial_` are taken away."""
    module, _, name = keys.pop("_target_").rpartition(".")
    keys.pop("_partial_")
    return getattr(importlib.import_module(module), name)


def make(option: str, kind: str = "encoder_decoder", vocab: Vocab = BIG, **changes: Any) -> Any:
    """The objective of an option's file, with some settings changed."""
    keys = settings(option) | changes
    factory = factory_of(keys)
    if "kind" in inspect.signature(factory).parameters:
        keys["kind"] = kind
    return factory(vocab=vocab, **keys)


def composed(option: str, **changes: Any) -> Any:
    """The architecture of an option's file, with some settings changed, for evaluation."""
    keys = settings(option, "arch") | changes
    keys.pop("recipe")
    return factory_of(keys)(**keys).eval()


def examples(number: int, length: int, num_real: int | None = None) -> list[Example]:
    """Windows of text tokens 1..999, the same ones every time."""
    tokens = 1 + mix(np.arange(number * length, dtype=np.uint64)).reshape(number, length) % 999
    return [
        Example(row.astype(np.uint16), length if num_real is None else num_real) for row in tokens
    ]


def seeds(number: int) -> np.ndarray:
    """(number,) uint64."""
    return mix(np.arange(number, dtype=np.uint64))


def pairs(objective: Any, windows: list[Example]) -> list[tuple[list[int], list[int]]]:
    """Source and target of each row of an encoder-decoder batch, without their end marks."""
    batch = objective.collate(windows, seeds(len(windows)), True)
    rows = zip(batch.source, batch.source_mask, batch.targets, batch.mask, strict=True)
    return [(s[m][:-1].tolist(), t[k][:-1].tolist()) for s, m, t, k in rows]
