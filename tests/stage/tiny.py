"""A stage with the smallest real parts, for tests: a GPT, clm and a stream made from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightning as L
import numpy as np
import torch

from lmlab.batch import Example, Vocab
from lmlab.objective.clm import CausalLanguageModelling
from lmlab.optim import AdamW
from lmlab.stage.guard import Guard
from lmlab.stage.plan import Plan
from lmlab.stage.pretrain import Pretrain
from tests.conftest import small_gpt
from tests.stage.test_guard import guard as make_guard
from tests.test_optim import KEYS

SEQ_LEN, VOCAB = 16, Vocab(size=61, eos=60)


class Letters:
    """A tokenizer of single characters, one byte each."""

    byte_lengths = np.array([1] * 60 + [0])

    def encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        return [np.array([ord(letter) % 60 for letter in text]) for text in texts]

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(97 + i % 26) for i in ids)


class Endless:
    """A loader without an end."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[Any]:
        return self.stream.batches()


class Stream(L.LightningDataModule):
    """Batch k of `sequences` windows is a pure function of k; a rank takes its contiguous share."""

    def __init__(self, sequences: int, rank: int = 0, world_size: int = 1) -> None:
        super().__init__()
        self.sequences, self.rank, self.world_size = sequences, rank, world_size
        self.objective = CausalLanguageModelling(vocab=VOCAB, z_loss=0.0)
        self.start = 0

    def batch(self, step: int) -> Any:
        rng = np.random.default_rng(step)
        first = rng.integers(0, 60, (self.sequences, 1))
        rows = (first + 7 * np.arange(SEQ_LEN + 1)) % 60
        real = rng.integers(SEQ_LEN // 2, SEQ_LEN + 2, self.sequences)
        share = self.sequences // self.world_size
        mine = range(self.rank * share, (self.rank + 1) * share)
        examples = [Example(rows[i], int(real[i])) for i in mine]
        return self.objective.collate(examples, np.zeros(share, np.uint64), True)

    def batches(self) -> Iterator[Any]:
        step = self.start
        while True:
            yield self.batch(step)
            step += 1

    def train_dataloader(self) -> Endless:
        return Endless(self)

    def val_batches(self) -> list[Any]:
        return [self.batch(10**6), self.batch(10**6 + 1)]

    def val_dataloader(self) -> Any:
        return torch.utils.data.DataLoader(
            self.val_batches(),  # type: ignore[arg-type]
            batch_size=None,
        )

    def state_dict(self) -> dict[str, int]:
        return {"step": self.trainer.global_step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.start = state["step"]


def make_stage(
    *,
    num_steps: int,
    sequences: int = 8,
    micro: int = 8,
    guard: Guard | None = None,
    changes: dict[str, Any] | None = None,
    **stage: Any,
) -> Pretrain:
    """A Pretrain stage of a two-layer GPT; `changes` go to the GPT, the rest to the stage."""
    arch = small_gpt(**(changes or {}))
    keys = {
        "num_validations": 1,
        "prompts": ["ab"],
        "sample_tokens": 4,
        "sample_temperature": 0.0,
        "log_every_steps": 1,
    }
    plan = Plan(
        num_steps,
        None,
        SEQ_LEN,
        sequences,
        micro,
        arch.flops_per_sequence(0, SEQ_LEN, SEQ_LEN) / SEQ_LEN,
    )
    torch.manual_seed(1)
    return Pretrain(
        arch=arch,
        objective=CausalLanguageModelling(vocab=VOCAB, z_loss=0.0),
        optim=AdamW(**KEYS),  # type: ignore[arg-type]
        plan=plan,
        guard=guard or make_guard(),
        tokenizer=Letters(),
        **(keys | stage),
    )


def make_trainer(num_steps: int, **changes: Any) -> L.Trainer:
    """A silent CPU trainer in fp32."""
    keys: dict[str, Any] = {
        "accelerator": "cpu",
        "max_epochs": -1,
        "max_steps": num_steps,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
        "num_sanity_val_steps": 0,
        "limit_val_batches": 0,
    }
    return L.Trainer(**(keys | changes))
