"""From logits to the next token: repetition penalty, temperature, top-k, top-p, and the draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import mix


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How responses are drawn; applied in this order, as Hugging Face's `generate` does.

    repetition_penalty: logits of tokens that the prompt or the response has are divided by it where
    positive and multiplied where negative (Keskar et al. 2019); 1: off. temperature: logits are
    divided by it; 0 takes the likeliest token. top_k: the k likeliest only; top_p: the fewest tokens
    that hold this share of the probability (Holtzman et al. 2020); null: off.
    Source: temperature 1 is the one that policies are trained with (row S0-25).
    """

    max_new_tokens: int
    temperature: float
    top_k: int | None
    top_p: float | None
    repetition_penalty: float

    def __post_init__(self) -> None:
        wrong = {
            "max_new_tokens": (self.max_new_tokens < 1, "1 or more"),
            "temperature": (not 0 <= self.temperature < float("inf"), "0 or more"),
            "top_k": (self.top_k is not None and self.top_k < 1, "1 or more, or null"),
            "top_p": (self.top_p is not None and not 0 < self.top_p <= 1, "in 0..1, or null"),
            "repetition_penalty": (not self.repetition_penalty > 0, "above 0; 1 turns it off"),
        }
        for name, (is_wrong, words) in wrong.items():
            if is_wrong:
                raise ValueError(f"stage.sampling.{name}={getattr(self, name)} must be {words}")

    @property
    def is_plain(self) -> bool:
        """Whether tokens are drawn from the model's own distribution."""
        filters = self.top_k is not None or (self.top_p is not None and self.top_p < 1)
        return self.temperature == 1 and self.repetition_penalty == 1 and not filters


def uniforms(seeds: np.ndarray, num_samples: int, num_tokens: int) -> Tensor:
    """Numbers in [0, 1), (B * G, T) float64: a pure function of (a prompt's seed, sample, token).

    seeds (B,) uint64. So a row's draws depend neither on the other rows nor on the device.
    """
    sample = np.arange(num_samples, dtype=np.uint64)
    token = np.arange(num_tokens, dtype=np.uint64)
    rows = mix(mix(seeds.astype(np.uint64))[:, None] + sample[None, :]).reshape(-1)
    numbers = mix(mix(rows)[:, None] + token[None, :])
    return torch.from_numpy((numbers >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def pick(
    logits: Tensor,
    uniform: Tensor,
    sampling: Sampling,
    seen: Tensor | None,
    with_log_probs: bool = True,
) -> Picked:
    """One token a row: logits (R, V), uniform (R,) in [0, 1), seen (R, V) bool or None.

    with_log_probs false leaves both log-probabilities 0: nothing is computed for them alone.
    """
    logits = logits.float()
    nothing = logits.new_zeros(len(logits))
    own = logits.log_softmax(dim=-1) if with_log_probs else None
    drawn = nothing
    if sampling.temperature == 0:
        tokens = penalised(logits, sampling.repetition_penalty, seen).argmax(dim=-1)
    else:
        if not sampling.is_plain:
            drawn_from = warp(logits, sampling, seen).log_softmax(dim=-1)
        else:
            drawn_from = logits.log_softmax(dim=-1) if own is None else own
        tokens = draw(drawn_from.exp(), uniform)
        if own is not None:
            drawn = drawn_from.gather(1, tokens[:, None]).squeeze(1)
    found = nothing if own is None else own.gather(1, tokens[:, None]).squeeze(1)
    return Picked(tokens, found, drawn)


@dataclass(frozen=True, slots=True)
class Picked:
    """Tokens (R,) and their log-probabilities (R,), of the model and of what was drawn from."""

    tokens: Tensor
    log_probs: Tensor
    sampling_log_probs: Tensor


def draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """The token at which the cumulative probability (R, V) passes uniform (R,): returns (R,).

    Raises: ValueError for probabilities that are not finite.
    """
    cumulative = probabilities.cumsum(dim=-1)
    total = cumulative[:, -1]
    if not bool(torch.isfinite(total).all()):
        raise ValueError("the architecture's logits are not finite, so no token can be drawn")
    below = torch.nextafter(total, torch.zeros_like(total))
    threshold = torch.minimum(uniform.to(total) * total, below)
    return torch.searchsorted(cumulative, threshold[:, None], right=True).squeeze(1)


def warp(logits: Tensor, sampling: Sampling, seen: Tensor | None) -> Tensor:
    """Logits (R, V) after penalty, temperature, top-k and top-p; what is ruled out is -inf."""
    logits = penalised(logits, sampling.repetition_penalty, seen) / sampling.temperature
    if sampling.top_k is not None:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p is not None and sampling.top_p < 1:
        logits = keep_top_p(logits, sampling.top_p)
    return logits


def penalised(logits: Tensor, penalty: float, seen: Tensor | None) -> Tensor:
    """Logits (R, V) of tokens seen (R, V) bool made less likely."""
    if seen is None or penalty == 1:
        return logits
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """All but the k largest logits of a row (and ties of the k-th) become -inf."""
    least = logits.topk(min(k, logits.shape[-1]), dim=-1).values[:, -1:]
    return logits.masked_fill(logits < least, -torch.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """The fewest largest logits whose probabilities sum to p or more stay; the others become -inf."""
    ordered, index = logits.sort(dim=-1)
    tail = ordered.softmax(dim=-1).cumsum(dim=-1) <= 1 - p
    tail[:, -1] = False
    return logits.masked_fill(tail.scatter(1, index, tail), -torch.inf)
