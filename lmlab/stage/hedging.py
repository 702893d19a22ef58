"""When a model answers, hedges or says that it does not know, by how likely it is to be right."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lmlab.rollout.answering import validation_seeds
from lmlab.rollout.model_reward import judged
from lmlab.stage.answer_table import shown
from lmlab.stage.asking import Asking

ACTS = ("unhedged", "hedged", "abstains")


class Hedging(Asking):
    """Answers held-out questions of known odds, and counts what is done at which odds.

    The task of a question is its odds (data=uncertain_prompts); the reward tells the acts apart
    (reward=hedging). `boundary` is 1 less the mean share of answers over the odds' range, times that
    range: the odds above which a policy would answer that abstains below. Trains nothing.
    Source: row S2-10.
    """

    def __init__(self, *, reward: Any, **asking: Any) -> None:
        super().__init__(**asking)
        if not hasattr(reward, "act"):
            raise ValueError("reward: stage=hedging asks what an answer does; set reward=hedging")
        self.reward = reward
        self.points: list[tuple[int, dict[str, float]]] = []

    def perform(self, device: torch.device) -> None:
        """Draw and count; sets `points` (a step is odds in per cent), `latest` and `samples`."""
        odds, acts, rewards = self._drawn(device)
        levels = sorted(set(odds))
        self.points = [
            (round(100 * level), at(level, acts[odds == level], rewards[odds == level]))
            for level in levels
        ]
        shares = np.array([figures["hedging/abstains"] for _, figures in self.points])
        self.latest = {
            "hedging/boundary": boundary(np.array(levels), 1 - shares),
            "hedging/best_act": float(np.mean(self._is_best(odds, acts))),
            "hedging/mean_hedged": float((acts == ACTS.index("hedged")).mean()),
            "hedging/mean_abstains": float((acts == ACTS.index("abstains")).mean()),
            "hedging/mean_reward": float(rewards.mean()),
            "hedging/best_reward": float(np.mean([self._best(level) for level in odds])),
        }
        self.step = self.points[-1][0]

    def _drawn(self, device: torch.device) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Odds, number of the act and reward of every answer, (R,)."""
        odds: list[float] = []
        acts: list[int] = []
        rewards: list[float] = []
        for part in self.held_out(device):
            seeds = validation_seeds(self.data.seed, part.index.cpu().numpy())
            answers = self.answering.draw(self.arch, part, self.sampling, seeds, self.num_samples)
            found = judged(self.reward, answers)
            self.samples = self.samples or shown(answers, found, None)
            odds += [self._odds(number) for number in answers.numbers]
            acts += [ACTS.index(self.reward.act(text)) for text in answers.texts]
            rewards += found.tolist()
        return np.array(odds), np.array(acts), np.array(rewards)

    def _odds(self, number: int) -> float:
        """How often the best answer is right. Raises: ValueError for data that does not know it."""
        task = self.data.conversation(number).task
        try:
            return float(task)
        except ValueError:
            raise ValueError(
                f"data: a question of the task {task!r} has no known odds; set "
                "data=uncertain_prompts"
            ) from None

    def _is_best(self, odds: np.ndarray, acts: np.ndarray) -> np.ndarray:
        """Whether no act pays more than the one taken (R,), odds known."""
        pays = {
            level: [self.reward.expected(act, level) for act in ACTS]
            for level in set(odds.tolist())
        }
        pairs = zip(odds.tolist(), acts.tolist(), strict=True)
        return np.array([pays[level][act] > max(pays[level]) - 1e-9 for level, act in pairs])

    def _best(self, odds: float) -> float:
        return float(self.reward.expected(self.reward.best_act(odds), odds))


def at(odds: float, acts: np.ndarray, rewards: np.ndarray) -> dict[str, float]:
    """Shares of the acts (R,) and the mean of the rewards (R,) at one probability to be right."""
    shares = {f"hedging/{name}": float((acts == index).mean()) for index, name in enumerate(ACTS)}
    return {"hedging/odds": odds, **shares, "hedging/reward": float(rewards.mean())}


def boundary(odds: np.ndarray, answered: np.ndarray) -> float:
    """Where a step from abstaining to answering would have the same area as the shares (n,) have.

    odds (n,) rising. The lowest odds: it always answers; the highest: it never does.
    """
    if len(odds) < 2:
        return float(odds[0])
    return float(odds[-1] - np.trapezoid(answered, odds))
