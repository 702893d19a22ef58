"""Best-of-N: what picking the best of several answers gains, for many N in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import PromptBatch
from lmlab.metric.win_rate import win_rate
from lmlab.rollout.answering import Answers, validation_seeds
from lmlab.rollout.best_of_n import (
    best_index,
    best_of_n_kl,
    coverage,
    expected_best,
    powers_of_two,
)
from lmlab.rollout.model_reward import judged
from lmlab.stage.answer_table import SHOWN
from lmlab.stage.asking import Asking


class BestOfN(Asking):
    """Answers held-out prompts `num_samples` times and picks the best by the reward (row S0-24).

    For N = 1, 2, 4 ... or those of `counts`: reward and gold reward of the best (over all choices of
    N of the samples), its KL by log N - (N - 1) / N, how often it beats an answer drawn on its own (a
    tie is half a win; by gold reward where the data has one) with a 95 % interval, and coverage@N,
    the chance that one of N is right (row S4-48). Trains nothing.
    """

    def __init__(self, *, reward: Any, counts: list[int] | None, **asking: Any) -> None:
        super().__init__(**asking)
        num_samples = self.num_samples
        wrong = [n for n in counts or [] if not 1 <= n <= num_samples]
        if wrong:
            raise ValueError(
                f"stage.counts={counts} must all be 1..stage.num_samples={num_samples}"
            )
        if self.sampling.temperature == 0:
            raise ValueError("stage.sampling.temperature=0 draws the same answer N times; set 1")
        self.reward, self.counts = reward, counts or powers_of_two(num_samples)
        self.step = self.counts[-1]
        self.points: list[tuple[int, dict[str, float]]] = []
        self.rows: list[dict[str, Any]] = []

    def perform(self, device: torch.device) -> None:
        """Draw, judge and compare; sets `latest`, `points`, `samples` and `rows`."""
        parts: list[list[np.ndarray]] = [[], [], []]
        for batch in self.held_out(device):
            found = [np.asarray(page) for page in self._judge(batch)]
            for part, page in zip(parts, found, strict=True):
                part.append(page)
        pages = [torch.from_numpy(np.concatenate(part)) for part in parts]
        self.points = [(n, self.at(n, *pages)) for n in self.counts]
        self.latest = dict(self.points[-1][1])
        for n, figures in self.points:
            self.latest |= {f"best_of_n/reward_at_{n}": figures["best_of_n/reward"]}
            self.latest |= {f"best_of_n/gold_reward_at_{n}": figures["best_of_n/gold_reward"]}

    def _judge(self, batch: PromptBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Rewards, gold rewards and whether it is right, (B, G + 1): the last sample is apart."""
        number = self.num_samples + 1
        seeds = validation_seeds(self.data.seed, batch.index.cpu().numpy())
        answers = self.answering.draw(self.arch, batch, self.sampling, seeds, number)
        rewards = judged(self.reward, answers).double().cpu()
        about = [self.data.conversation(each) for each in answers.numbers]
        right = [each.check(text) for each, text in zip(about, answers.texts, strict=True)]
        gold = self.answering.gold(answers)
        page = rewards if gold is None else torch.tensor(gold, dtype=torch.float64)
        self._keep(answers, rewards, page)
        shape = (-1, number)
        return rewards.reshape(shape), page.reshape(shape), torch.tensor(right).reshape(shape)

    def _keep(self, answers: Answers, rewards: Tensor, gold: Tensor) -> None:
        number = self.num_samples + 1
        for start in range(0, len(answers.texts), number):
            best = start + int(best_index(rewards[None, start : start + number - 1], number - 1))
            own = slice(start, start + number)
            self.rows.append(
                {
                    "prompt": answers.prompts[start],
                    "answers": answers.texts[own],
                    "rewards": rewards[own].tolist(),
                    "gold": gold[own].tolist(),
                    "best": best - start,
                }
            )
            if len(self.samples) < SHOWN:
                shown = {"prompt": answers.prompts[start], "continuation": answers.texts[best]}
                shown |= {"reward": f"{rewards[best]:.4g}", "gold": f"{gold[best]:.4g}"}
                self.samples.append(shown | {"one answer": answers.texts[start + number - 1]})

    def at(self, n: int, rewards: Tensor, gold: Tensor, right: Tensor) -> dict[str, float]:
        """The figures of one N from pages (B, G + 1)."""
        drawn, scores = rewards[:, :-1], gold[:, :-1]
        best = scores.gather(1, best_index(drawn, n)[:, None]).squeeze(1)
        wins = win_rate(best.numpy(), gold[:, -1].numpy())
        covered = coverage(right[:, :-1].sum(dim=1), self.num_samples, n)
        return {
            "best_of_n/n": float(n),
            "best_of_n/kl_nats": best_of_n_kl(n),
            "best_of_n/reward": float(expected_best(drawn, drawn, n).mean()),
            "best_of_n/gold_reward": float(expected_best(drawn, scores, n).mean()),
            "best_of_n/win_rate": wins.value,
            "best_of_n/win_rate_low": wins.low,
            "best_of_n/win_rate_high": wins.high,
            "best_of_n/coverage": float(covered.mean()),
        }
