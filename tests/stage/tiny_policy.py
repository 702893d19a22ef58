"""Policy stages with the smallest real parts: prompts of one letter, a tiny GPT, rewards by letter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import torch

from lmlab.arch.layer.lora import add_lora, without_lora
from lmlab.batch import PromptBatch, Vocab
from lmlab.objective.group_relative import GroupRelative
from lmlab.objective.policy_gradient import PolicyGradient
from lmlab.objective.ppo_clip import PPOClip
from lmlab.optim import AdamW
from lmlab.stage.grpo import GRPO
from lmlab.stage.plan import Plan
from lmlab.stage.policy import Policy
from lmlab.stage.ppo import PPO
from lmlab.stage.reinforce import Reinforce
from tests.conftest import small_gpt
from tests.stage.test_guard import guard as make_guard
from tests.stage.tiny import make_trainer
from tests.test_optim import KEYS

VOCAB = Vocab(size=12, eos=11, pad=10)


class Digits:
    """A tokenizer of ten digits, eos (.) and pad (_)."""

    vocab, fingerprint = VOCAB, "digits"

    def decode(self, ids: list[int]) -> str:
        return "".join("0123456789_."[id_] for id_ in ids)

    def encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        return [np.array(["0123456789_.".index(letter) for letter in text]) for text in texts]


class Questions(L.LightningDataModule):
    """Prompt n is the digit n % 10, its right answer the next digit; negative n are held out."""

    limit, seed, stop_ids, world_size, rank = 2, 0, [11], 1, 0

    def __init__(self, prompts: int) -> None:
        super().__init__()
        self.prompts = prompts

    def batch(self, step: int) -> PromptBatch:
        numbers = torch.arange(step * self.prompts, (step + 1) * self.prompts)
        tokens = torch.stack((torch.full_like(numbers, 11), numbers % 10), dim=1)
        return PromptBatch(tokens, torch.full_like(numbers, 2), numbers)

    def batches(self) -> Iterator[PromptBatch]:
        step = 0
        while True:
            yield self.batch(step)
            step += 1

    def train_dataloader(self) -> Any:
        return Endless(self)

    def validation_batches(self) -> list[PromptBatch]:
        numbers = -1 - torch.arange(10)
        tokens = torch.stack((torch.full_like(numbers, 11), numbers % 10), dim=1)
        return [PromptBatch(tokens, torch.full_like(numbers, 2), numbers)]

    def training(self, most: int) -> PromptBatch:
        numbers = torch.arange(most)
        tokens = torch.stack((torch.full_like(numbers, 11), numbers % 10), dim=1)
        return PromptBatch(tokens, torch.full_like(numbers, 2), numbers)

    def val_dataloader(self) -> Any:
        return torch.utils.data.DataLoader(self.validation_batches(), batch_size=None)  # type: ignore[arg-type]

    def check_trainable(self) -> None:
        """There are always prompts."""

    def conversation(self, number: int) -> Any:
        right = str((number % 10 + 1) % 10)
        asked = (SimpleNamespace(text=str(number % 10)),)
        return SimpleNamespace(
            prompt=asked, accepted=(right,), check=lambda text: text.strip() == right
        )

    def asked(self, texts: list[str]) -> list[np.ndarray]:
        return [np.append([11], ids) for ids in Digits().encode_batch(texts)]

    def gold(self, number: int, text: str) -> float:
        return float(self.conversation(number).check(text))


class Endless:
    def __init__(self, data: Questions) -> None:
        self.data = data

    def __iter__(self) -> Iterator[PromptBatch]:
        return self.data.batches()


class Even:
    """1 for a response that begins with an even digit."""

    def __call__(self, prompts: list[str], responses: list[str], answers: list[Any]) -> list[float]:
        return [float(text[:1] in tuple("02468")) for text in responses]


OBJECTIVES: dict[type[Policy], Callable[[], Any]] = {
    PPO: lambda: PPOClip(clip=0.2, entropy_bonus=0.0, value_clip=None, reduction="token"),
    GRPO: lambda: GroupRelative(
        clip_low=0.2,
        clip_high=0.2,
        kl_weight=0.04,
        divide_by_std=True,
        reduction="sequence",
        max_tokens=None,
    ),
    Reinforce: lambda: PolicyGradient(baseline="rloo", entropy_bonus=0.0, reduction="sum"),
}
OWN: dict[type[Policy], dict[str, Any]] = {
    PPO: {
        "variant": "kl",
        "epochs": 2,
        "minibatches": 2,
        "kl_in": None,
        "kl_coefficient": None,
        "kl_target": None,
        "kl_horizon": None,
        "kl_estimator": None,
        "gae_lambda": None,
        "discount": None,
        "whiten_advantages": False,
        "value_target": None,
        "value_fit": None,
        "value_weight": 1.0,
        "value_learning_rate": None,
        "value_from": None,
        "shared_trunk": False,
        "ptx_weight": None,
        "ptx_schedule": None,
        "ptx_sequences": None,
        "pretraining": None,
        "build_corpus": None,
        "num_samples": 1,
    },
    GRPO: {
        "epochs": 1,
        "minibatches": 1,
        "drop_no_signal": False,
        "drop_unfinished": False,
        "track_kl": True,
    },
    Reinforce: {"kl_coefficient": 0.0},
}
SHARED: dict[str, Any] = {
    "num_samples": 4,
    "max_new_tokens": 2,
    "temperature": 1.0,
    "micro_responses": 64,
    "reference": None,
    "lora_rank": None,
    "lora_alpha": None,
    "lora_targets": None,
    "missing_end_penalty": 0.0,
    "length_penalty": 0.0,
    "num_validations": 1,
    "validation_prompts": 10,
    "validation_temperature": 0.0,
    "log_every_steps": 1,
}


def tiny_gpt(**changes: Any) -> Any:
    """A GPT of one layer over twelve tokens."""
    keys = {"vocab_size": 12, "num_layers": 1, "width": 16, "num_heads": 2, "max_seq_len": 8}
    return small_gpt(**(keys | changes))


def make_policy(kind: type[Policy], *, num_steps: int = 4, prompts: int = 8, **changes: Any) -> Any:
    """A stage; `changes` replace its keywords (arch, objective, reward and data among them)."""
    supplied = {
        "arch": changes.pop("arch", None) or tiny_gpt(),
        "objective": OBJECTIVES[kind](),
        "optim": AdamW(**(KEYS | changes.pop("optim", {}))),  # type: ignore[arg-type]
        "plan": Plan(num_steps, None, 4, prompts, 64, 1.0),
        "guard": make_guard(),
        "tokenizer": Digits(),
        "data": Questions(prompts),
        "reward": Even(),
        "open_run": None,
        "add_lora": add_lora,
        "without_lora": without_lora,
    }
    return kind(**(supplied | SHARED | OWN[kind] | changes))


def fit(stage: Any, num_steps: int = 4, **trainer: Any) -> Any:
    """Train a stage; returns it."""
    make_trainer(num_steps, **trainer).fit(stage, datamodule=stage.data)
    return stage


def weights(module: torch.nn.Module) -> list[torch.Tensor]:
    """Copies of all parameters."""
    return [parameter.detach().clone() for parameter in module.parameters()]


def phase_of(stage: Any, step: int = 0) -> Any:
    """The first experience of a stage that is not attached to a trainer yet."""
    stage.trainer = SimpleNamespace(
        global_step=step, global_rank=0, world_size=1, is_global_zero=True
    )
    stage._sums = {}
    return stage.phase(stage.data.batch(step))
