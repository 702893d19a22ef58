"""Tokenising and collating: megabytes and tokens a second, beside the libraries' own ways."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
import torch
from torch.utils.data import DataLoader

from benchmarks.shape import BATCH, SEQ_LEN, TOKENS, composed, overrides, row


def measure(repetitions: int = 3) -> list[dict[str, str]]:
    """A row a figure."""
    from lmlab.build import build

    with tempfile.TemporaryDirectory() as root:
        run = build(composed(overrides("fp32", root)))
    return tokenising(run, repetitions) + collating(run)


def tokenising(run: Any, repetitions: int) -> list[dict[str, str]]:
    """The standard library's text: lmlab's whole way to its cache, and `tokenizers` alone."""
    from lmlab.data.token_cache import open_token_cache

    source, tokenizer = run.data.source, run.tokenizer
    texts = [piece.text for piece in source.pieces()]
    size = sum(len(text.encode()) for text in texts) / 1e6

    def ours() -> None:
        with tempfile.TemporaryDirectory() as cache:
            open_token_cache(source, tokenizer, 0.05, Path(cache))

    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        backend = tokenizers.Tokenizer.from_file(str(Path(folder, "tokenizer.json")))

    def theirs() -> None:
        for encoding in backend.encode_batch(texts, add_special_tokens=False):
            np.asarray(encoding.ids, np.uint16)

    seconds = in_turns({"lmlab": ours, "tokenizers": theirs}, repetitions)
    note = f"{size:.0f} MB of Python files, BPE of {tokenizer.vocab.size} tokens"
    notes = {
        "lmlab": f"{note}; read, hashed, encoded, written and checked",
        "tokenizers": "encode_batch alone, text in memory, all cores",
    }
    return [
        row(f"tokenising: {name}", f"{size / took:.1f} MB/s", "", notes[name])
        for name, took in seconds.items()
    ]


def collating(run: Any, num_batches: int = 200) -> list[dict[str, str]]:
    """Batches of one step, made from the token cache and from rows that lie in memory."""
    from transformers import default_data_collator

    batches = run.data.train_batches()
    rows = torch.randint(run.tokenizer.vocab.size, (num_batches * BATCH, SEQ_LEN))
    items: Any = [{"input_ids": tokens, "labels": tokens} for tokens in rows]
    loader = DataLoader(items, BATCH, shuffle=True, collate_fn=default_data_collator)
    numbers, theirs = iter(range(10**9)), endless(loader)
    seconds = in_turns(
        {"lmlab": lambda: batches[next(numbers)], "transformers": lambda: next(theirs)},
        num_batches,
    )
    return [
        row(f"collating: {name}", f"{TOKENS / took / 1e6:.1f} M tokens/s", "", note)
        for (name, took), note in zip(
            seconds.items(),
            ("windows of the token cache, without workers", "rows in memory, without workers"),
            strict=True,
        )
    ]


def endless(loader: Any) -> Iterator[Any]:
    """The loader over and over."""
    while True:
        yield from loader


def in_turns(ways: dict[str, Callable[[], Any]], repetitions: int) -> dict[str, float]:
    """Median seconds of each way."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repetitions):
        for name, way in ways.items():
            with timed(seconds[name]):
                way()
    return {name: statistics.median(values) for name, values in seconds.items()}


@contextmanager
def timed(into: list[float]) -> Iterator[None]:
    """Appends the seconds that the block took."""
    start = time.perf_counter()
    yield
    into.append(time.perf_counter() - start)
