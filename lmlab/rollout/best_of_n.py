"""Best-of-N: the best of several samples, for many N at once, and what it costs in KL (row S0-24)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def best_of_n_kl(num_samples: int) -> float:
    """KL of best-of-N from the policy it draws from, in nats: log N - (N - 1) / N.

    An upper bound, reached where rewards have no ties (Stiennon et al. 2020, appendix G.3;
    Beirami et al. 2024).
    """
    if num_samples < 1:
        raise ValueError(f"best-of-N needs N of 1 or more, not {num_samples}")
    return math.log(num_samples) - (num_samples - 1) / num_samples


def best_index(rewards: Tensor, num_samples: int) -> Tensor:
    """The best of the first N of every prompt's samples: rewards (B, G) to (B,) int64.

    Ties go to the sample drawn first.
    """
    _check(num_samples, rewards.shape[1])
    return rewards[:, :num_samples].argmax(dim=1)


def expected_best(rewards: Tensor, scores: Tensor, num_samples: int) -> Tensor:
    """Mean score of the best by reward of N samples, over all choices of N out of G, (B,).

    rewards, scores (B, G): chosen by the one, scored by the other (the same tensor: the proxy
    itself). Unbiased, with less noise than the first N: a sample ranked i-th worst is the best of N
    in C(i - 1, N - 1) of the C(G, N) choices. Source: Nakano et al. 2021 (WebGPT) appendix I.
    """
    total = rewards.shape[1]
    _check(num_samples, total)
    order = rewards.argsort(dim=1, stable=True)
    log_all = _log_choose(total, num_samples)
    weight = [
        math.exp(_log_choose(below, num_samples - 1) - log_all) if below >= num_samples - 1 else 0.0
        for below in range(total)
    ]
    ranked = scores.gather(1, order)
    return (ranked * torch.tensor(weight, dtype=scores.dtype, device=scores.device)).sum(dim=1)


def coverage(num_correct: Tensor, num_drawn: int, num_samples: int) -> Tensor:
    """Chance that N samples hold a correct one, unbiased, from c correct of G drawn: (B,) to (B,).

    coverage@N = 1 - C(G - c, N) / C(G, N). Source: Chen et al. 2021 (Codex) equation 1; row S4-48.
    """
    _check(num_samples, num_drawn)
    log_all = _log_choose(num_drawn, num_samples)
    misses = [
        math.exp(_log_choose(num_drawn - int(correct), num_samples) - log_all)
        if num_drawn - int(correct) >= num_samples
        else 0.0
        for correct in num_correct
    ]
    return 1 - torch.tensor(misses, dtype=torch.float64)


def powers_of_two(num_drawn: int) -> list[int]:
    """1, 2, 4 ... up to `num_drawn`, which is always among them."""
    powers = [2**power for power in range(num_drawn.bit_length()) if 2**power <= num_drawn]
    return powers if powers[-1] == num_drawn else [*powers, num_drawn]


def _check(num_samples: int, num_drawn: int) -> None:
    if not 1 <= num_samples <= num_drawn:
        raise ValueError(f"best of {num_samples} needs as many samples; {num_drawn} were drawn")


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
