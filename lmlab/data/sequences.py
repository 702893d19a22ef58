"""Labelled texts as token sequences: what stands around the texts, and what is cut where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from lmlab.batch import Vocab
from lmlab.data.table.labelled import Labelled


@dataclass(frozen=True, slots=True)
class Sequences:
    """An example as tokens: one array (n,) a sequence; seconds: where the second text begins.

    number: its place in the list, -1 - place for validation; cut: whether texts were shortened.
    """

    tokens: tuple[np.ndarray, ...]
    seconds: tuple[int, ...]
    label: int
    value: float
    number: int
    cut: bool
    labelled: Labelled = field(repr=False)


def parts_of(
    example: Labelled, ids: dict[str, np.ndarray], both_orders: bool
) -> Iterator[tuple[np.ndarray, ...]]:
    """The texts of every sequence of an example, as the ids of each."""
    texts = tuple(ids[text] for text in example.texts)
    if example.choices:
        yield from ((*texts, ids[choice]) for choice in example.choices)
        return
    yield texts
    if both_orders:
        yield texts[::-1]


def sequence(
    parts: tuple[np.ndarray, ...], vocab: Vocab, kind: str, seq_len: int
) -> tuple[np.ndarray, int, bool]:
    """One sequence: its tokens (n,), where its second text begins, and whether a text was cut."""
    start, between, end = frame(vocab, kind)
    room = seq_len - len(start) - len(end) - (len(parts) - 1)
    lengths = shortened([len(part) for part in parts], room)
    kept = [part[:length] for part, length in zip(parts, lengths, strict=True)]
    pieces = [start, kept[0]]
    for part in kept[1:]:
        pieces += [between, part]
    second = sum(map(len, pieces[:3])) if len(kept) > 1 else seq_len
    tokens = np.concatenate([*pieces, end]).astype(np.int64)
    return tokens, second, sum(lengths) < sum(map(len, parts))


def frame(vocab: Vocab, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The tokens before, between and after the texts of a sequence, for a kind of architecture."""
    assert vocab.cls is not None and vocab.sep is not None
    around = {
        "decoder": ([vocab.eos], [vocab.cls]),
        "encoder": ([vocab.cls], [vocab.sep]),
        "encoder_decoder": ([], [vocab.eos]),
    }
    start, end = around[kind]
    return np.array(start, np.int64), np.array([vocab.sep], np.int64), np.array(end, np.int64)


def shortened(lengths: list[int], room: int) -> list[int]:
    """Lengths that fit into `room` together, each as given or, the longer ones, equally short.

    Source: BERT's truncate_seq_pair, which takes one token after another off the longer text.
    """
    left, kept = room, list(lengths)
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    for done, index in enumerate(order):
        share = left // (len(order) - done)
        kept[index] = min(lengths[index], share)
        left -= kept[index]
    return kept
