"""Filling blanks: the likeliest words for the holes of a text, with their probabilities."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar

import numpy as np
import torch

from lmlab.batch import MARKS
from lmlab.rollout.beam import beam_search

BLANK = re.compile(r"<mask>|_{2,}")
# One fill: its text and its probability.
Fill = tuple[str, float]


class FillMask:
    """The k likeliest fills of every blank, `___` or `<mask>`, in `prompts` (row S4-03). Trains nothing.

    An encoder fills a blank with one token, all blanks of a text at once. An encoder-decoder trained
    to fill sentinels, and a decoder trained with objective=fill_in_the_middle, write one or several
    tokens; their probability is that of all of them and of the end. Blanks are filled from the first
    on, each after the likeliest fills of those before; a decoder fills one.
    objective: what the weights were trained with, which decides how a blank is written; one that
    names denoisers by tokens (ul2) is asked as its regular one.
    answers: what should stand in the first blank of each prompt, null: nothing is compared.
    Raises: ValueError for a prompt without a blank.
    """

    trains: ClassVar[bool] = False
    shows: ClassVar[int] = 24
    accepts: ClassVar[dict[str, tuple[str, ...]]] = {
        "arch": ("decoder", "encoder", "encoder_decoder"),
        "objective": ("tokens",),
        "data": ("cloze",),
    }
    objective_kinds: ClassVar[str] = "fills"
    num_validations = 0
    step = 0  # of the figures: there is only one point

    def __init__(
        self,
        *,
        arch: Any,
        objective: Any,
        tokenizer: Any,
        prompts: list[str],
        answers: list[str] | None,
        k: int,
        max_new_tokens: int,
    ) -> None:
        if k < 1 or max_new_tokens < 1:
            raise ValueError(
                f"stage.k={k} and stage.max_new_tokens={max_new_tokens} must be 1 or more"
            )
        if answers is not None and len(answers) != len(prompts):
            raise ValueError(
                f"stage.answers are {len(answers)} and stage.prompts {len(prompts)}; give one each"
            )
        self.arch, self.tokenizer, self.vocab = arch, tokenizer, tokenizer.vocab
        modes = [int(token) for token in getattr(objective, "mode_tokens", [])]
        self.mode = modes[:1]
        self.names = [name for name in tokenizer.vocab.sentinels if name not in modes]
        self.prompts, self.answers, self.k = prompts, answers, k
        self.max_new_tokens = max_new_tokens
        self.latest: dict[str, float] = {}
        self.samples: list[dict[str, str]] = []
        self.rows: list[dict[str, Any]] = []
        self._check()

    def _check(self) -> None:
        for prompt in self.prompts:
            blanks = len(BLANK.findall(prompt))
            if not blanks:
                raise ValueError(f"stage.prompts: {prompt!r} has no blank; write ___ or <mask>")
            if blanks > 1 and self.arch.kind == "decoder":
                raise ValueError(
                    f"stage.prompts: {prompt!r} has {blanks} blanks; a decoder fills one"
                )

    def perform(self, device: torch.device) -> None:
        """Fill all prompts; sets `latest`, `samples` and `rows`."""
        ranks = []
        for number, prompt in enumerate(self.prompts):
            fills = self.fill(prompt, device)
            self.rows.append({"prompt": prompt, "fills": fills})
            shown = "; ".join(as_on_slide(each) for each in fills)
            self.samples.append({"prompt": prompt, "continuation": f"  [{shown}]"})
            if self.answers is not None:
                words = [word for word, _ in fills[0]]
                answer = self.answers[number].strip()
                ranks.append(words.index(answer) if answer in words else self.k)
        self.latest = {"fill/num_prompts": float(len(self.prompts))}
        if ranks:
            self.latest["fill/accuracy"] = float(np.mean([rank == 0 for rank in ranks]))
            self.latest["fill/among_k"] = float(np.mean([rank < self.k for rank in ranks]))

    def fill(self, prompt: str, device: torch.device) -> list[list[Fill]]:
        """For every blank its k likeliest fills, the likeliest first."""
        parts = self._encoded(BLANK.split(prompt))
        if self.arch.kind == "encoder":
            return self._by_masks(parts, device)
        if self.arch.kind == "decoder":
            return [self._in_the_middle(parts, device)]
        return self._by_sentinels(parts, device)

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        """Tokens of the texts around the blanks. A space before a blank goes with its word."""
        with_space = len(self.tokenizer.encode_batch([" a"])[0]) == 1
        if with_space:
            texts = [*(text.removesuffix(" ") for text in texts[:-1]), texts[-1]]
        return [[int(id_) for id_ in ids] for ids in self.tokenizer.encode_batch(texts)]

    def _by_masks(self, parts: list[list[int]], device: torch.device) -> list[list[Fill]]:
        """cls text mask text eos, as BERT reads it; in a stream of documents eos stands first too."""
        vocab = self.vocab
        tokens = [vocab.cls] if vocab.eos == vocab.sep else [vocab.cls, vocab.eos]
        places = []
        for part in parts[:-1]:
            tokens += [*part, vocab.mask]
            places.append(len(tokens) - 1)
        tokens += [*parts[-1], vocab.eos]
        hidden = self.arch(self._fitting(tokens, device)[None])[0, places]
        found = self.arch.unembed(hidden).float().softmax(dim=1)
        return [self._likeliest(row) for row in found]

    @property
    def _marks(self) -> tuple[int, ...]:
        """Tokens that are no text."""
        marks = [getattr(self.vocab, name) for name in ("eos", *MARKS)]
        return (*(mark for mark in marks if mark is not None), *self.vocab.sentinels)

    def _likeliest(self, probabilities: torch.Tensor) -> list[Fill]:
        marks = self._marks
        order = probabilities.argsort(descending=True)[: self.k + len(marks)].tolist()
        words = [token for token in order if token not in marks][: self.k]
        return [(self._text((token,)), float(probabilities[token])) for token in words]

    def _in_the_middle(self, parts: list[list[int]], device: torch.device) -> list[Fill]:
        """Marker, text before, marker, text after, marker; then the middle and eos."""
        before, after, middle = self.vocab.sentinels[:3]
        prompt = [before, *parts[0], after, *parts[1], middle]
        return self._beam(prompt, (), (self.vocab.eos,), device)[0]

    def _by_sentinels(self, parts: list[list[int]], device: torch.device) -> list[list[Fill]]:
        """text <X> text <Y> ... eos is read; <X> fill <Y> fill ... is written."""
        names = self.names
        source = [
            token for part, name in zip(parts, names, strict=False) for token in (*part, name)
        ]
        source = [*self.mode, *source[:-1], self.vocab.eos]  # no name behind the last part
        fills, written = [], tuple[int, ...]()
        for blank in range(len(parts) - 1):
            written = (*written, names[blank])
            ends = (names[blank + 1], self.vocab.eos)
            found, best = self._beam(source, written, ends, device)
            fills.append(found)
            written = (*written, *best)
        return fills

    def _beam(
        self, prompt: list[int], forced: tuple[int, ...], ends: tuple[int, ...], device: Any
    ) -> tuple[list[Fill], tuple[int, ...]]:
        """The k likeliest fills as texts, and the tokens of the likeliest."""
        found = beam_search(
            self.arch,
            self._fitting(prompt, device),
            forced=forced,
            ends=ends,
            never=tuple(mark for mark in self._marks if mark not in ends),
            width=max(8, 2 * self.k),
            max_tokens=self.max_new_tokens,
            pad=self.vocab.eos if self.vocab.pad is None else self.vocab.pad,
        )
        fills = [
            (self._text(each.tokens) + ("" if each.closed else " ..."), math.exp(each.log_prob))
            for each in found[: self.k]
        ]
        return fills, found[0].tokens if found else ()

    def _fitting(self, tokens: list[int], device: torch.device) -> torch.Tensor:
        room = self.arch.max_seq_len
        if len(tokens) > room:
            raise ValueError(
                f"stage.prompts: a prompt of {len(tokens)} tokens does not fit "
                f"arch.max_seq_len={room}; shorten it"
            )
        return torch.tensor(tokens, device=device)

    def _text(self, tokens: tuple[int, ...]) -> str:
        return self.tokenizer.decode(list(tokens)).strip()


def as_on_slide(fills: list[Fill]) -> str:
    """`her .992 one .003 his .002`; a fill of no text reads (nothing)."""
    shown = ((word or "(nothing)", f"{probability:.3f}") for word, probability in fills)
    return " ".join(f"{word} {number.removeprefix('0')}" for word, number in shown)
