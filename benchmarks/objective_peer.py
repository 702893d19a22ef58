"""Peers that train an encoder by masking and an encoder-decoder by span corruption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchmarks import shape

NUM_LAYERS = {"bert": shape.NUM_LAYERS, "t5": 4}
FF_WIDTH = {"bert": 4 * shape.WIDTH, "t5": 1024}
OBJECTIVE = {"bert": "mlm", "t5": "span_corruption"}


def overrides(family: str, precision: str, root: str) -> list[str]:
    """lmlab's command line: the shape of the speed rows with another architecture and objective."""
    words = shape.overrides(precision, root)
    words += [f"arch={family}_tiny", f"objective={OBJECTIVE[family]}"]
    words += [f"arch.num_layers={NUM_LAYERS[family]}", f"arch.ff_width={FF_WIDTH[family]}"]
    return words


def lmlab_side(family: str) -> Callable[..., None]:
    """lmlab's command line for `bert` or `t5`."""

    def run(precision: str, folder: str, after_step: Callable[..., None]) -> None:
        from benchmarks.peer import run_lmlab

        run_lmlab(overrides(family, precision, folder), after_step)

    return run


def a_batch(family: str) -> Any:
    """One of lmlab's own batches, on random tokens."""
    import numpy as np

    from lmlab.batch import Example, Vocab

    words = shape.composed(overrides(family, "fp32", "runs"))["objective"]
    from lmlab.build import instantiate, supply

    vocab = Vocab(size=shape.VOCAB, eos=shape.VOCAB - 1).with_specials(
        "marks" if family == "bert" else "sentinels"
    )
    kind = {"bert": "encoder", "t5": "encoder_decoder"}[family]
    objective = supply(instantiate(words), vocab=vocab, kind=kind, word_starts=None)
    window = objective.window(shape.SEQ_LEN)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, shape.VOCAB - 1, (shape.BATCH, window.length))
    examples = [Example(row, window.length) for row in rows]
    return objective.collate(examples, np.arange(shape.BATCH, dtype=np.uint64), True), vocab.size


def hf_bert(precision: str, folder: str, after_step: Callable[..., None]) -> None:
    """BertForMaskedLM of that shape, on rows that are masked already."""
    from transformers import BertConfig, BertForMaskedLM

    batch, vocab_size = a_batch("bert")
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=shape.WIDTH,
        num_hidden_layers=NUM_LAYERS["bert"],
        num_attention_heads=shape.NUM_HEADS,
        intermediate_size=FF_WIDTH["bert"],
        max_position_embeddings=shape.SEQ_LEN,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )
    labels = batch.targets.masked_fill(~batch.mask, -100)
    rows = [
        {"input_ids": tokens, "labels": label}
        for tokens, label in zip(batch.tokens, labels, strict=True)
    ]
    train(BertForMaskedLM(config), rows, precision, folder, after_step)


def hf_t5(precision: str, folder: str, after_step: Callable[..., None]) -> None:
    """T5ForConditionalGeneration (v1.1) of that shape, on sources and targets made already."""
    from transformers import T5Config, T5ForConditionalGeneration

    batch, vocab_size = a_batch("t5")
    config = T5Config(
        vocab_size=vocab_size,
        d_model=shape.WIDTH,
        d_kv=shape.WIDTH // shape.NUM_HEADS,
        d_ff=FF_WIDTH["t5"],
        num_layers=NUM_LAYERS["t5"],
        num_heads=shape.NUM_HEADS,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        dropout_rate=0.0,
        pad_token_id=0,
        decoder_start_token_id=0,
        use_cache=False,
    )
    labels = batch.targets.masked_fill(~batch.mask, -100)
    rows = [
        {"input_ids": source, "labels": label}
        for source, label in zip(batch.source, labels, strict=True)
    ]
    train(T5ForConditionalGeneration(config), rows, precision, folder, after_step)


def train(
    model: Any, rows: list[dict[str, Any]], precision: str, folder: str, after_step: Any
) -> None:
    """Hugging Face's Trainer without end, its settings those of the other speed rows."""
    from transformers import Trainer, TrainerCallback

    from benchmarks.peer import trainer_arguments

    class AfterStep(TrainerCallback):
        def on_step_end(self, *arguments: Any, **keywords: Any) -> None:
            after_step()

    torch.manual_seed(0)
    arguments = trainer_arguments(precision, folder, batch=shape.BATCH, num_steps=10**6)
    Trainer(model=model, args=arguments, train_dataset=rows * 64, callbacks=[AfterStep()]).train()


PEERS = {
    "lmlab bert": lmlab_side("bert"),
    "HF bert": hf_bert,
    "lmlab t5": lmlab_side("t5"),
    "HF t5": hf_t5,
}
