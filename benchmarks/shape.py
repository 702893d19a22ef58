"""The shape that all peers train, and each peer as a function that times its own steps."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from typing import Any

import torch

SHAPE = {"num_layers": 6, "width": 384, "num_heads": 6, "max_seq_len": 256}
VOCAB, SEQ_LEN, BATCH, LEARNING_RATE = 8192, 256, 16, 3e-4
TOKENS = BATCH * SEQ_LEN
WARM = 3  # steps of every round that are not counted


def lmlab_overrides(precision: str, num_steps: int, root: str) -> list[str]:
    """The command line of the lmlab side: logging on, validation off, no checkpoint but the last."""
    return [
        *(f"arch.{key}={value}" for key, value in SHAPE.items()),
        f"tokenizer.size={VOCAB}",
        f"batch.tokens={TOKENS}",
        f"batch.micro_sequences={BATCH}",
        f"optim.learning_rate={LEARNING_RATE}",
        "checkpoint.every_steps=null",
        "stage.num_validations=0",
        f"hardware.precision={precision}",
        f"budget.steps={num_steps}",
        f"run.root={root}",
    ]


def run_lmlab(overrides: list[str], callbacks: list[Any]) -> Any:
    """A run through everything the command line goes through, in this process."""
    from lmlab.check import check_composed
    from lmlab.config import run_folder
    from lmlab.config.compose import Composer
    from lmlab.config.place import find_places
    from lmlab.job import read
    from lmlab.train import Training

    composer = Composer(find_places())
    composed = composer.compose(overrides)
    check_composed(composed, composer.places)
    folder = run_folder.create(composed.cfg, composed.choices, composed.overrides)
    training = Training(read(folder / "config.yaml"))
    training.extra_callbacks = callbacks
    training.console.quiet = True
    training.run()
    return training


def lmlab_round(precision: str, num_steps: int) -> list[float]:
    """Seconds of each counted step, from the end of one to the end of the next."""
    import lightning as L

    class Clock(L.Callback):
        ends: list[float] = []

        def on_train_batch_end(self, *arguments: Any) -> None:
            Clock.ends.append(time.perf_counter())

    Clock.ends = []
    with tempfile.TemporaryDirectory() as root:
        run_lmlab(lmlab_overrides(precision, num_steps, root), [Clock()])
    return between(Clock.ends)


def between(ends: list[float]) -> list[float]:
    """Durations between successive moments, without the first ones."""
    return [b - a for a, b in itertools.pairwise(ends)][WARM - 1 :]


class BareLoop:
    """The same model and loss in the shortest loop one would write."""

    def __init__(self, precision: str) -> None:
        from lmlab.build import make_arch
        from lmlab.config.compose import Composer
        from lmlab.config.place import find_places
        from lmlab.config.resolve import plain

        overrides = lmlab_overrides(precision, 1, "runs")
        self.config = plain(Composer(find_places()).compose(overrides).cfg)
        torch.manual_seed(0)
        self.model = make_arch(self.config, VOCAB)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), LEARNING_RATE, fused=True)
        self.precision = precision
        self.stream = torch.randint(VOCAB, (10**6,))

    def step(self, index: int) -> float:
        """One optimizer step on batch `index`; its loss."""
        from lmlab.objective.cross_entropy import fused_cross_entropy

        start = (index * TOKENS) % (len(self.stream) - TOKENS - 1)
        window = self.stream[start : start + TOKENS + 1]
        tokens, targets = window[:-1].view(BATCH, SEQ_LEN), window[1:].view(BATCH, SEQ_LEN)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bf16"):
            hidden = self.model(tokens)
            total, _ = fused_cross_entropy(
                hidden,
                self.model.unembedding.weight,
                targets,
                torch.ones_like(tokens, dtype=torch.bool),
            )
        (total / TOKENS).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(total.detach()) / TOKENS

    def round(self, num_steps: int) -> list[float]:
        """Seconds of each counted step."""
        ends = []
        for index in range(num_steps):
            self.step(index)
            ends.append(time.perf_counter())
        return between(ends)


def hf_trainer(
    config: dict[str, Any],
    precision: str,
    num_steps: int,
    batch: int,
    folder: str,
    callbacks: list[Any],
) -> Any:
    """Hugging Face's Trainer with its GPT-2: same batch, dtype, AdamW, clip; nothing logged or kept."""
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    model = GPT2LMHeadModel(GPT2Config(**config, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0))
    rows = torch.randint(config["vocab_size"], (batch * num_steps, SEQ_LEN))
    data = [{"input_ids": row, "labels": row} for row in rows]
    arguments = TrainingArguments(
        output_dir=folder,
        max_steps=num_steps,
        per_device_train_batch_size=batch,
        learning_rate=LEARNING_RATE,
        max_grad_norm=1.0,
        bf16=precision == "bf16",
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    return Trainer(model=model, args=arguments, train_dataset=data, callbacks=callbacks)


def hf_round(precision: str, num_steps: int) -> list[float]:
    """Seconds of each counted step of Hugging Face's Trainer."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        ends: list[float] = []

        def on_step_end(self, *arguments: Any, **keywords: Any) -> None:
            Clock.ends.append(time.perf_counter())

    Clock.ends = []
    config = {
        "vocab_size": VOCAB,
        "n_layer": SHAPE["num_layers"],
        "n_embd": SHAPE["width"],
        "n_head": SHAPE["num_heads"],
        "n_positions": SEQ_LEN,
    }
    with tempfile.TemporaryDirectory() as folder:
        hf_trainer(config, precision, num_steps, BATCH, folder, [Clock()]).train()
    return between(Clock.ends)


def matmul_rate(precision: str) -> float:
    """Floating-point operations a second of a 2048 x 2048 matrix product, the median of 7."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    left @ right
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    return 2.0 * 2048**3 / statistics.median(seconds)


def median_rate(seconds: list[float]) -> float:
    """Tokens a second at the median step."""
    return TOKENS / statistics.median(seconds)


def quiet() -> None:
    """Less chatter from the peers."""
    import logging
    import warnings

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
