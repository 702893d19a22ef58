"""The peers of `generation_speed.py`: the same shape, batch, dtype and sampling, no stop token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks import shape

BATCH, PROMPT_TOKENS, NEW_TOKENS = 16, 64, 128


def prompts() -> torch.Tensor:
    """Random tokens (BATCH, PROMPT_TOKENS)."""
    return torch.randint(shape.VOCAB, (BATCH, PROMPT_TOKENS))


def autocast(precision: str) -> Any:
    """The region that mixed precision runs in."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")


def lmlab_sample(precision: str, folder: str, after_step: Callable[..., None]) -> None:
    """lmlab's sampling, with log-probabilities, as the policy stages call it."""
    from lmlab.build import make_arch
    from lmlab.rollout.pick import Sampling
    from lmlab.rollout.sample import sample

    model = make_arch(shape.composed(shape.overrides(precision, folder)), shape.VOCAB)
    sampling = Sampling(
        max_new_tokens=NEW_TOKENS, temperature=1.0, top_k=None, top_p=None, repetition_penalty=1.0
    )
    seeds, tokens = np.arange(BATCH, dtype=np.uint64), list(prompts())
    while True:
        with autocast(precision):
            sample(model, tokens, sampling=sampling, seeds=seeds, num_samples=1, stop=(), pad=0)
        after_step()


def hf_generate(precision: str, folder: str, after_step: Callable[..., None]) -> None:
    """Hugging Face's `generate` of its GPT-2, in autocast where the precision is bf16."""
    _hugging_face(precision, torch.float32, after_step)


def hf_generate_bf16_weights(precision: str, folder: str, after_step: Callable[..., None]) -> None:
    """The same with all weights in bf16 instead of autocast."""
    _hugging_face("none", torch.bfloat16, after_step)


def _hugging_face(precision: str, dtype: torch.dtype, after_step: Callable[..., None]) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=shape.VOCAB,
        n_layer=shape.NUM_LAYERS,
        n_embd=shape.WIDTH,
        n_head=shape.NUM_HEADS,
        n_positions=shape.SEQ_LEN,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=0,
    )
    model, tokens = GPT2LMHeadModel(config).eval().to(dtype), prompts()
    mask = torch.ones_like(tokens)
    keys = {"max_new_tokens": NEW_TOKENS, "do_sample": True, "top_k": 0}
    while True:
        with torch.no_grad(), autocast(precision):
            model.generate(tokens, attention_mask=mask, **keys)
        after_step()


PEERS = {
    "lmlab sample": lmlab_sample,
    "HF generate": hf_generate,
    "HF generate, bf16 weights": hf_generate_bf16_weights,
}
