"""One interface to incremental decoding: of a decoder, and of an encoder-decoder."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from lmlab.rollout.rollout import pad_left, push_left, with_end


class Decoding(Protocol):
    """A batch of sequences that grow by a token a step.

    hidden (rows, D): of the position that predicts each row's next token.
    """

    hidden: Tensor

    def select(self, rows: Tensor) -> None:
        """Keep the rows (n,) int64, in that order; a row may be named more than once."""

    def step(self, tokens: Tensor) -> None:
        """Append tokens (rows,) and move `hidden` on."""


def start(
    arch: Any,
    prompts: list[Tensor],
    room: int,
    pad: int,
    prefix: bool,
    source_end: int | None = None,
) -> Decoding:
    """Read the prompts (1-D, int64, any lengths) once, with room for that many new tokens.

    prefix: a decoder's prompt tokens all see one another, as a prefix-LM was trained; source_end:
    the token that an encoder reads behind a prompt, None where the prompts have it.
    Raises: ValueError for an architecture that cannot generate, and for what does not fit into it.
    """
    kind = getattr(arch, "kind", None)
    if kind == "decoder" and hasattr(arch, "new_cache"):
        return DecoderDecoding(arch, prompts, room, pad, prefix)
    if kind == "encoder_decoder" and hasattr(arch, "start_decoding"):
        return EncoderDecoderDecoding(arch, prompts, room, pad, source_end)
    raise ValueError(
        f"arch {type(arch).__name__} ({kind}) cannot generate text: that takes a decoder or an "
        "encoder-decoder, for example arch=gpt_tiny"
    )


class DecoderDecoding:
    """A decoder with a key-value cache; prompts are padded on the left and padding is hidden."""

    def __init__(self, arch: Any, prompts: list[Tensor], room: int, pad: int, prefix: bool) -> None:
        tokens, mask = pad_left(prompts, pad)
        self.arch, self.seen = arch, tokens.shape[1]
        self.cache = arch.new_cache(len(prompts), self.seen + room)
        self.positions: Tensor | None = None
        self.documents: Tensor | None = None
        positions = None
        if not bool(mask.all()):
            lengths = mask.sum(dim=1, keepdim=True)
            positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
            new = mask.new_ones(len(prompts), room)
            self.positions, self.documents = lengths, torch.cat((mask, new), dim=1).long()
        documents = None if self.documents is None else self.documents[:, : self.seen]
        seen_by_all = mask if prefix else None
        self.hidden = arch(tokens, positions, documents, seen_by_all, cache=self.cache)[:, -1]

    def select(self, rows: Tensor) -> None:
        for layer in self.cache:
            layer.select(rows)
        self.hidden = self.hidden[rows]
        if self.positions is not None and self.documents is not None:
            self.positions, self.documents = self.positions[rows], self.documents[rows]

    def step(self, tokens: Tensor) -> None:
        self.seen += 1
        if self.positions is None or self.documents is None:
            self.hidden = self.arch(tokens[:, None], cache=self.cache)[:, -1]
            return
        documents = self.documents[:, : self.seen]
        self.hidden = self.arch(tokens[:, None], self.positions, documents, cache=self.cache)[:, -1]
        self.positions = self.positions + 1


class EncoderDecoderDecoding:
    """An encoder-decoder: the prompt is the source, the decoder starts from `pad`."""

    def __init__(
        self, arch: Any, prompts: list[Tensor], room: int, pad: int, source_end: int | None
    ) -> None:
        source, mask = push_left(*with_end(*pad_left(prompts, pad), source_end))
        real = None if bool(mask.all()) else mask
        memory = arch.encode(source, real)
        self.arch = arch
        self.cache = arch.start_decoding(memory, real, room)
        begin = source.new_full((len(prompts), 1), pad)
        self.hidden = arch.decode(begin, self.cache)[:, -1]

    def select(self, rows: Tensor) -> None:
        self.cache.select(rows)
        self.hidden = self.hidden[rows]

    def step(self, tokens: Tensor) -> None:
        self.hidden = self.arch.decode(tokens[:, None], self.cache)[:, -1]
