"""From rewards and values to advantages: pure functions of tensors (R, T) or (R,), in reward units.

Responses are padded on the right: the mask of a row is True from its start to its end.
"""

from __future__ import annotations

import torch
from torch import Tensor


def at_end(reward: Tensor, mask: Tensor) -> Tensor:
    """Rewards (R,) as token rewards (R, T): all of it at the last token that counts (row S0-25)."""
    tokens = torch.zeros(mask.shape, dtype=reward.dtype, device=mask.device)
    last = (mask.sum(dim=1) - 1).clamp(min=0)
    return tokens.scatter(1, last[:, None], reward[:, None]) * mask


def penalised(reward: Tensor, kl: Tensor, mask: Tensor, coefficient: float) -> Tensor:
    """Token rewards (R, T): -coefficient * kl at every token, and the reward (R,) at the end.

    The common form of PPO for language models (Ziegler et al. 2019; rows S3-56, S3-58).
    """
    return at_end(reward, mask) - coefficient * kl * mask


def gae(rewards: Tensor, values: Tensor, mask: Tensor, *, discount: float, lam: float) -> Tensor:
    """Generalised advantages (R, T) of token rewards and values (R, T); nothing follows the end.

    delta_t = r_t + discount * V_(t+1) - V_t; A_t = delta_t + discount * lam * A_(t+1).
    Source: Schulman et al. 2015 (arXiv 1506.02438), equation 16. discount 1 is row S0-25.
    """
    rewards, values = rewards * mask, values * mask
    advantages = torch.zeros_like(values)
    running = torch.zeros_like(values[:, 0])
    following = torch.zeros_like(running)
    for index in range(values.shape[1] - 1, -1, -1):
        delta = rewards[:, index] + discount * following - values[:, index]
        running = delta + discount * lam * running
        advantages[:, index] = running
        following = values[:, index]
    return advantages * mask


def reward_minus_value(reward: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """A_t = r - V_t at every token (rows S0-26, S0-28): reward (R,), values (R, T)."""
    return (reward[:, None] - values) * mask


def kl_in_advantage(
    reward: Tensor, log_ratio: Tensor, values: Tensor, mask: Tensor, coefficient: float
) -> Tensor:
    """A_t = r - coefficient * sum over s >= t of log(policy / reference) - V_t (row S0-32).

    Differs from `penalised` with `gae` (discount and lam 1) only in what V is fitted to: here to r
    alone as printed, so the advantage is not centred by the KL still to come.
    """
    to_go = (log_ratio * mask).flip(1).cumsum(dim=1).flip(1)
    return (reward[:, None] - coefficient * to_go - values) * mask


def value_targets(advantages: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """What V is fitted to after `gae`: A + V, (R, T)."""
    return (advantages + values) * mask


def end_targets(reward: Tensor, mask: Tensor) -> Tensor:
    """What V is fitted to in rows S0-28 and S0-32: r alone at every token, (R, T)."""
    return reward[:, None] * mask


def whiten(values: Tensor, mask: Tensor, *, centred: bool = True) -> Tensor:
    """Scaled to variance 1 over what counts, and to mean 0 where `centred`; 0 elsewhere.

    Fewer than two that count stay as they are.
    """
    if int(mask.sum()) < 2:
        return values * mask
    counted = values[mask]
    mean = counted.mean()
    scaled = (values - mean) * torch.rsqrt(counted.var(correction=0) + 1e-8)
    return (scaled if centred else scaled + mean) * mask


def group_advantage(
    reward: Tensor, group: Tensor, *, divide_by_std: bool, epsilon: float = 1e-4
) -> Tensor:
    """(r - mean of the group) / (std of the group + epsilon), (R,); a group is a prompt's samples.

    group (R,) int64, any numbering. std is that of the sample (n - 1), as the paper's code takes it.
    Source: DeepSeekMath (arXiv 2402.03300) section 4.1.2, row S4-49; without the division: Dr. GRPO
    (arXiv 2503.20783). A group of one has advantage 0.
    """
    index, _, mean = _by_group(reward, group)
    centred = reward - mean[index]
    return centred / (group_std(reward, group) + epsilon) if divide_by_std else centred


def group_std(reward: Tensor, group: Tensor) -> Tensor:
    """The standard deviation (n - 1) of the rewards of each row's group, (R,); 0 for a group of one."""
    index, count, mean = _by_group(reward, group)
    squares = torch.zeros_like(count).index_add_(0, index, (reward - mean[index]).square())
    return (squares / (count - 1).clamp(min=1)).sqrt()[index]


def rloo_advantage(reward: Tensor, group: Tensor) -> Tensor:
    """r minus the mean reward of the other samples of its prompt, (R,).

    Source: Kool et al. 2019; Ahmadian et al. 2024 (arXiv 2402.14740). A sample alone keeps r.
    """
    index, count, mean = _by_group(reward, group)
    count, mean = count[index], mean[index]
    others = (mean * count - reward) / (count - 1).clamp(min=1)
    return reward - torch.where(count > 1, others, torch.zeros_like(others))


def no_signal(reward: Tensor, group: Tensor) -> Tensor:
    """(R,) bool: rows whose group has one reward only, so that its advantages are all 0.

    DAPO (arXiv 2503.14476) section 3.2 leaves them out and draws more.
    """
    index, _, mean = _by_group(reward, group)
    differs = torch.zeros_like(mean).index_add_(0, index, (reward - mean[index]).abs())
    return (differs < 1e-9)[index]


def explained_variance(values: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """1 - var(targets - values) / var(targets) over what counts: 1 is perfect, 0 a constant's."""
    wanted, error = targets[mask], (targets - values)[mask]
    variance = wanted.var(correction=0)
    if float(variance) == 0:
        return torch.zeros_like(variance)
    return 1 - error.var(correction=0) / variance


def _by_group(reward: Tensor, group: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which group (R,) a row is in, from 0; how many rows (n,) each has; their mean reward (n,)."""
    names, index = group.unique(return_inverse=True)
    zero = torch.zeros(len(names), dtype=reward.dtype, device=reward.device)
    count = zero.index_add(0, index, torch.ones_like(reward))
    return index, count, zero.index_add(0, index, reward) / count
