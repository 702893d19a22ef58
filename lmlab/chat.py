"""`lmlab chat RUN`: talk to a trained model in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch

from lmlab.config.error import ConfigError
from lmlab.data.chat_template import find_template
from lmlab.data.conversation import Turn, single
from lmlab.data.encode import Encode
from lmlab.io.checkpoint import CheckpointError
from lmlab.opened import OpenedRun, open_run
from lmlab.rollout.pick import Sampling
from lmlab.rollout.sample import sample

HELP = "An empty line or Ctrl-D ends the chat, /new forgets what was said."


class Chat:
    """A conversation with the model of a run.

    raw: what is typed is continued as it is and nothing is remembered, as fits a model that was
    only pretrained; system: an instruction that stands before everything that is said.
    Raises: ValueError for an architecture that cannot generate.
    """

    def __init__(
        self, opened: OpenedRun, sampling: Sampling, *, seed: int, raw: bool, system: str | None
    ) -> None:
        if opened.arch.kind not in ("decoder", "encoder_decoder"):
            raise ValueError(f"a model of kind {opened.arch.kind} cannot write; name another run")
        self.opened, self.sampling, self.seed, self.raw = opened, sampling, seed, raw
        self.tokenizer, self.vocab = opened.tokenizer, opened.tokenizer.vocab
        wanted = str(opened.config["data"].get("template", "auto"))
        self.encode = Encode(self.tokenizer, find_template(wanted, self.tokenizer), "response")
        end = int(self.encode([single("Hello", "Hi")])[0].tokens[-1])
        self.stop = (self.vocab.eos,) if raw else tuple({self.vocab.eos, end})
        self.start = [Turn("system", system)] if system else []
        self.turns: list[Turn] = []
        self.num_answers = self.num_forgotten = 0

    def answer(self, text: str) -> str:
        """The answer to what is said next; the oldest turns are forgotten where they do not fit.

        Raises: ValueError for a text that is itself too long.
        """
        if self.raw:
            ids = self.tokenizer.encode_batch([text])[0].astype(np.int64)
            tokens = np.concatenate((np.array([self.vocab.eos], np.int64), ids))
        else:
            self.turns.append(Turn("user", text))
            tokens = self._fitting()
        said = self._draw(tokens)
        if not self.raw:
            self.turns.append(Turn("assistant", said))
        return said

    def forget(self) -> None:
        """Begin anew."""
        self.turns = []

    def _fitting(self) -> np.ndarray:
        """The tokens of the newest turns that leave room for an answer."""
        while True:
            tokens = self.encode.prompts([(*self.start, *self.turns)])[0]
            if len(tokens) <= self._room() or len(self.turns) == 1:
                return tokens
            self.turns = self.turns[2:]
            self.num_forgotten += 2

    def _room(self) -> int:
        arch = self.opened.arch
        two = arch.kind == "encoder_decoder"
        return arch.max_seq_len - (1 if two else self.sampling.max_new_tokens)

    def _draw(self, tokens: np.ndarray) -> str:
        if len(tokens) > self._room():
            self.turns = self.turns[:-1]
            raise ValueError(
                f"that is {len(tokens)} tokens, and the model takes {self._room()} besides its answer; "
                "say it in fewer words, or lower --max-new-tokens"
            )
        self.num_answers += 1
        rollout = sample(
            self.opened.arch,
            [torch.from_numpy(tokens)],
            sampling=self.sampling,
            seeds=np.array([self.seed + self.num_answers], np.uint64),
            num_samples=1,
            stop=self.stop,
            pad=self.vocab.eos if self.vocab.pad is None else self.vocab.pad,
            source_end=self.vocab.eos,
        )
        ids = [token for token in rollout.responses()[0].tolist() if token not in self.stop]
        return self.tokenizer.decode(ids).strip("\n" if self.raw else None)


def sampling_of(max_new_tokens: int, temperature: float, top_p: float) -> Sampling:
    """How answers are drawn. Raises: ConfigError naming the option as typed."""
    try:
        return Sampling(
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=None,
            top_p=top_p,
            repetition_penalty=1.0,
        )
    except ValueError as error:
        setting, _, said = str(error).removeprefix("stage.sampling.").partition("=")
        raise ConfigError([f"--{setting.replace('_', '-')} {said}"]) from error


def chat(
    run: str, sampling: Sampling, root: Path, *, seed: int, raw: bool | None, system: str | None
) -> Chat:
    """A chat with a run; raw None: by what trained it. Raises: ConfigError for a run not found."""
    try:
        opened = open_run(run, root)
    except CheckpointError as error:
        raise ConfigError([f"lmlab chat {error}"]) from error
    if raw is None:
        raw = opened.config["stage"]["_target_"].endswith(".Pretrain")
    if sampling.max_new_tokens >= opened.arch.max_seq_len:
        raise ConfigError(
            [
                f"--max-new-tokens {sampling.max_new_tokens}: the model's longest text is "
                f"{opened.arch.max_seq_len} tokens, and what you say needs some of them"
            ]
        )
    return Chat(opened, sampling, seed=seed, raw=raw, system=system)


def talk(with_: Chat, lines: Iterable[str], say: Callable[[str], None]) -> None:
    """Answer line after line until an empty one."""
    how = "it was only pretrained: it continues what you type" if with_.raw else "it answers"
    say(f"{with_.opened.lineage}: {how}. {HELP}")
    for line in lines:
        text = line.strip("\n")
        if not text.strip():
            return
        if text.strip() == "/new":
            with_.forget()
            continue
        forgotten = with_.num_forgotten
        try:
            answer = with_.answer(text)
        except ValueError as error:
            say(f"({error})")
            continue
        if with_.num_forgotten > forgotten:
            say(
                f"(the oldest {with_.num_forgotten - forgotten} turns no longer fit and are forgotten)"
            )
        say(answer if answer else "(it said nothing)")
