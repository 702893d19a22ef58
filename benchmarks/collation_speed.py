"""Tokens a second on one core that objectives turn into batches, beside transformers' collator."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models

from benchmarks.data_speed import in_turns
from benchmarks.shape import composed, row

SEQ_LEN, BATCH, VOCAB = 512, 32, 8192
# Millions of tokens a second on one core.
GOAL = 5.0
WAYS = {
    "mlm": ([], "encoder"),
    "mlm, whole words": (["objective.masking=whole_word"], "encoder"),
    "span_mlm": ([], "encoder"),
    "mlm_nsp": ([], "encoder"),
    "span_corruption": ([], "encoder_decoder"),
}


def measure(repetitions: int = 200) -> list[dict[str, str]]:
    """A row a figure."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ways = {name: ours(name) for name in WAYS} | {"transformers": theirs()}
        seconds = in_turns(ways, repetitions)
    finally:
        torch.set_num_threads(threads)
    rate = {name: BATCH * SEQ_LEN / took / 1e6 for name, took in seconds.items()}
    peer = rate["transformers"]
    return [
        row(
            f"noise: {name}",
            f"{value:.1f} M tokens/s",
            "" if name == "transformers" else f">= {GOAL:.0f}",
            "DataCollatorForLanguageModeling, rows as tensors"
            if name == "transformers"
            else f"one core, {BATCH} x {SEQ_LEN} tokens; {value / peer:.1f} x transformers' mlm",
        )
        for name, value in rate.items()
    ]


def ours(name: str) -> Callable[[], Any]:
    """Collation of one batch by an objective's option file."""
    from lmlab.batch import Example, Vocab, mix
    from lmlab.build import instantiate

    words, kind = WAYS[name]
    option = name.partition(",")[0]
    make = instantiate(composed([f"objective={option}", *words])["objective"])
    vocab = Vocab(VOCAB, VOCAB - 1).with_specials(getattr(make.func, "specials", "none"))
    table = (mix(np.arange(vocab.size, dtype=np.uint64)) % 10 < 6).astype(np.uint8)
    supplied = {"vocab": vocab, "kind": kind, "word_starts": lambda: table}
    named = inspect.signature(make.func).parameters
    objective = make(**{key: value for key, value in supplied.items() if key in named})
    window = objective.window(SEQ_LEN)
    others = tuple(Example(tokens, window.length) for tokens in text(window.length))
    examples = [Example(each.tokens, window.length, others[: window.others]) for each in others]
    seeds = mix(np.arange(BATCH, dtype=np.uint64))
    return lambda: objective.collate(examples, seeds, True)


def theirs() -> Callable[[], Any]:
    """The same by transformers, whose tokenizer must say which tokens are special."""
    from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

    names = {f"w{index}": index for index in range(VOCAB - 2)}
    backend = Tokenizer(models.WordLevel(names | {"[MASK]": VOCAB - 2, "[PAD]": VOCAB - 1}))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, mask_token="[MASK]", pad_token="[PAD]"
    )
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    rows = [{"input_ids": torch.from_numpy(r.astype(np.int64))} for r in text(SEQ_LEN)]
    return lambda: collator(rows)


def text(length: int) -> np.ndarray:
    """(BATCH, length) uint16 ordinary tokens."""
    return np.random.default_rng(0).integers(0, VOCAB - 2, (BATCH, length)).astype(np.uint16)
