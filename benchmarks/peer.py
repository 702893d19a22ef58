"""`python -m benchmarks.peer NAME PRECISION FOLDER`: one peer, which `turns.py` gives its turns."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch

from benchmarks import generation_peer, objective_peer, post_training_peer, shape
from benchmarks.turns import Gate
from lmlab.product import product

MATMUL_SIZE, MATMULS = 2048, 8
MATMUL_FLOPS = 2.0 * MATMUL_SIZE**3 * MATMULS


def lmlab(precision: str, folder: str, after_step: Callable[..., None]) -> None:
    """lmlab's own command line; the only addition is what is called after each step."""
    run_lmlab(shape.overrides(precision, folder), after_step)


def run_lmlab(words: list[str], after_step: Callable[..., None]) -> None:
    """`lmlab WORDS...` with a hook after every optimizer step."""
    from lmlab.__main__ import main
    from lmlab.lean import without_unused

    with without_unused():  # as the command itself imports it
        from lmlab.stage.pretrain import Pretrain

    Pretrain.on_train_batch_end = after_step
    code = main(words)
    if code:
        sys.exit(code)


class BareLoop:
    """The same model, loss and optimizer in the shortest loop one would write."""

    def __init__(self, precision: str) -> None:
        from lmlab.build import make_arch

        torch.manual_seed(0)
        self.model = make_arch(shape.composed(shape.overrides(precision, "runs")), shape.VOCAB)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), shape.LEARNING_RATE, fused=True)
        self.precision = precision
        self.stream = torch.randint(shape.VOCAB, (10**6,))
        self.index = 0

    def step(self) -> float:
        """One optimizer step; its loss."""
        from lmlab.batch import Head
        from lmlab.objective.cross_entropy import fused_cross_entropy

        start = (self.index * shape.TOKENS) % (len(self.stream) - shape.TOKENS - 1)
        self.index += 1
        window = self.stream[start : start + shape.TOKENS + 1]
        tokens, targets = (
            part.view(shape.BATCH, shape.SEQ_LEN) for part in (window[:-1], window[1:])
        )
        mask = torch.ones_like(tokens, dtype=torch.bool)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bf16"):
            hidden = self.model(tokens)
            total, _ = fused_cross_entropy(
                hidden, Head(self.model.unembedding.weight), targets, mask
            )
        (total / shape.TOKENS).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(total.detach()) / shape.TOKENS


def bare_loop(precision: str, folder: str, after_step: Callable[..., None]) -> None:
    """The bare loop without end."""
    loop = BareLoop(precision)
    while True:
        loop.step()
        after_step()


def hugging_face(precision: str, folder: str, after_step: Callable[..., None]) -> None:
    """Hugging Face's Trainer with its GPT-2 of the same shape."""
    run_hugging_face(
        {
            "vocab_size": shape.VOCAB,
            "n_layer": shape.NUM_LAYERS,
            "n_embd": shape.WIDTH,
            "n_head": shape.NUM_HEADS,
            "n_positions": shape.SEQ_LEN,
        },
        precision,
        batch=shape.BATCH,
        num_steps=10**6,
        folder=folder,
        after_step=after_step,
    )


def run_hugging_face(
    config: dict[str, int],
    precision: str,
    *,
    batch: int,
    num_steps: int,
    folder: str,
    after_step: Callable[..., None],
) -> None:
    """Same batch, dtype, fused AdamW, clipping and no dropout; nothing logged, kept or evaluated."""
    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        Trainer,
        TrainerCallback,
    )

    class AfterStep(TrainerCallback):
        def on_step_end(self, *arguments: Any, **keywords: Any) -> None:
            after_step()

    dropouts = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    gpt2 = GPT2Config(**config, **dropouts, attn_implementation="sdpa", use_cache=False)
    rows = torch.randint(config["vocab_size"], (batch * 64, shape.SEQ_LEN))
    arguments = trainer_arguments(precision, folder, batch=batch, num_steps=num_steps)
    Trainer(
        model=GPT2LMHeadModel(gpt2),
        args=arguments,
        train_dataset=[{"input_ids": tokens, "labels": tokens} for tokens in rows],
        callbacks=[AfterStep()],
    ).train()


def trainer_arguments(precision: str, folder: str, *, batch: int, num_steps: int) -> Any:
    """The settings of Hugging Face's Trainer in every row."""
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=folder,
        max_steps=num_steps,
        per_device_train_batch_size=batch,
        learning_rate=shape.LEARNING_RATE,
        optim="adamw_torch_fused",
        max_grad_norm=1.0,
        bf16=precision == "bf16",
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )


def matmul(precision: str, folder: str, after_step: Callable[..., None]) -> None:
    """Large square matrix products: the rate that utilisation is measured against."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(MATMUL_SIZE, MATMUL_SIZE).to(dtype) for _ in range(2))
    out = torch.empty_like(left)
    while True:
        for _ in range(MATMULS):
            product(left, right, out=out)
        after_step()


PEERS = {
    "lmlab": lmlab,
    "bare loop": bare_loop,
    "HF Trainer": hugging_face,
    "matmul": matmul,
    **generation_peer.PEERS,
    **objective_peer.PEERS,
    **post_training_peer.PEERS,
}


def quiet() -> None:
    """Less chatter from the peers."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


if __name__ == "__main__":
    quiet()
    with contextlib.suppress(BrokenPipeError):
        PEERS[sys.argv[1]](sys.argv[2], sys.argv[3], Gate())
