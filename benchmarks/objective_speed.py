"""Training speed of BERT (mlm) and T5 (span corruption) beside Hugging Face's Trainer."""

from __future__ import annotations

import statistics

from benchmarks.objective_peer import NUM_LAYERS, OBJECTIVE
from benchmarks.shape import TOKENS, row
from benchmarks.turns import take_turns


def measure(rounds: int = 8) -> list[dict[str, str]]:
    """A row a figure; tokens are those of the text, on both sides."""
    rows = []
    for family in ("bert", "t5"):
        for precision in ("bf16", "fp32"):
            names = [f"lmlab {family}", f"HF {family}"]
            seconds = take_turns(names, precision, rounds)
            ours, theirs = (statistics.median(seconds[name]) for name in names)
            note = (
                f"{OBJECTIVE[family]}, {NUM_LAYERS[family]} layers; {TOKENS / ours:,.0f} and "
                f"{TOKENS / theirs:,.0f} tokens/s"
            )
            name = f"{precision}: {family}, lmlab / HF Trainer"
            rows.append(row(name, f"{theirs / ours:.2f}", ">= 1.3", note))
    return rows
