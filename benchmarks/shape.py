"""The shape that all peers train, and lmlab's command line for it."""

from __future__ import annotations

from typing import Any

NUM_LAYERS, WIDTH, NUM_HEADS, SEQ_LEN = 6, 384, 6, 256
VOCAB, BATCH, LEARNING_RATE = 8192, 16, 3e-4
TOKENS = BATCH * SEQ_LEN


def overrides(precision: str, root: str) -> list[str]:
    """Logging as ever; validation off, no checkpoint but the last, and that is far away."""
    return [
        f"arch.num_layers={NUM_LAYERS}",
        f"arch.width={WIDTH}",
        f"arch.num_heads={NUM_HEADS}",
        f"arch.max_seq_len={SEQ_LEN}",
        f"tokenizer.size={VOCAB}",
        f"batch.tokens={TOKENS}",
        f"batch.micro_sequences={BATCH}",
        f"optim.learning_rate={LEARNING_RATE}",
        f"hardware.precision={precision}",
        f"run.root={root}",
        *without_pauses(10**6),
    ]


def without_pauses(num_steps: int) -> list[str]:
    """Nothing but training steps."""
    return [
        f"budget.steps={num_steps}",
        "checkpoint.every_steps=null",
        "stage.num_validations=0",
    ]


def composed(words: list[str]) -> dict[str, Any]:
    """The resolved configuration of a command line."""
    from lmlab.config.compose import Composer
    from lmlab.config.place import find_places
    from lmlab.config.resolve import plain

    return plain(Composer(find_places()).compose(words).cfg)


def row(name: str, value: str, goal: str = "", note: str = "") -> dict[str, str]:
    """One line of the table."""
    return {"name": name, "value": value, "goal": goal, "note": note}
