"""Encoded examples to the batches of lmlab.batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lmlab.batch import PromptBatch, Seq2SeqBatch, TokenBatch, Vocab
from lmlab.data.encode import Encoded

# Widths are rounded up to this, so that batches have few different shapes.
WIDTH_STEP = 8


def pad_of(vocab: Vocab) -> int:
    """The token that fills rows up."""
    return vocab.eos if vocab.pad is None else vocab.pad


def rounded(length: int, limit: int) -> int:
    """The next multiple of WIDTH_STEP, at most `limit`, at least 1."""
    return max(1, min(limit, -(-length // WIDTH_STEP) * WIDTH_STEP))


def packed_batch(
    rows: Sequence[Sequence[Encoded]], width: int, vocab: Vocab, prefix_attention: bool = False
) -> TokenBatch:
    """Rows of whole examples: every example reads its tokens but the last, and predicts the next.

    prefix_attention: the tokens of a prompt all see one another (row S0-12).

    Attention stays inside an example, positions restart with it; the places left are documents of
    their own kind (-1) that nothing counts.
    """
    shape = (len(rows), width)
    tokens = np.full(shape, pad_of(vocab), np.int64)
    targets, documents = tokens.copy(), np.full(shape, -1, np.int64)
    positions, mask = np.zeros(shape, np.int64), np.zeros(shape, bool)
    prefix = np.zeros(shape, bool)
    for row, examples in enumerate(rows):
        at = 0
        for number, example in enumerate(examples):
            here = slice(at, at + example.length)
            tokens[row, here], targets[row, here] = example.tokens[:-1], example.tokens[1:]
            mask[row, here], documents[row, here] = example.scored[1:], number
            positions[row, here] = np.arange(example.length)
            prefix[row, at : at + len(example.prompt)] = True
            at += example.length
    arrays = [tokens, targets, mask, positions, documents, *([prefix] if prefix_attention else [])]
    return TokenBatch(*map(torch.from_numpy, arrays))


def seq2seq_batch(
    examples: Sequence[Encoded], source_width: int, target_width: int, vocab: Vocab
) -> Seq2SeqBatch:
    """Prompt + eos to the encoder, the answer to the decoder, which reads `pad` first."""
    pad = pad_of(vocab)
    sources = [np.append(example.prompt, vocab.eos) for example in examples]
    answers = [example.tokens[len(example.prompt) :] for example in examples]
    source, real = filled(sources, source_width, pad)
    targets, mask = filled(answers, target_width, pad)
    tokens = np.roll(targets, 1, axis=1)
    tokens[:, 0] = pad
    return Seq2SeqBatch(*map(torch.from_numpy, (source, real, tokens, targets, mask)))


def filled(rows: Sequence[np.ndarray], width: int, pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Ragged rows as (B, width) int64 with `pad` on the right, and where they are real, bool."""
    tokens = np.full((len(rows), width), pad, np.int64)
    real = np.arange(width) < np.array([len(row) for row in rows]).reshape(-1, 1)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = row
    return tokens, real


def prompt_batch(
    prompts: Sequence[np.ndarray], numbers: Sequence[int], limit: int, vocab: Vocab
) -> PromptBatch:
    """Prompts of any lengths, with the numbers by which their texts are found again."""
    lengths = np.array([len(prompt) for prompt in prompts], np.int64)
    tokens, _ = filled(prompts, rounded(int(lengths.max(initial=1)), limit), pad_of(vocab))
    index = np.array(numbers, np.int64)
    return PromptBatch(*map(torch.from_numpy, (tokens, lengths, index)))
