"""Peak memory of two steps of lmlab's grpo, sft and rm beside TRL's, each in a process of its own."""

from __future__ import annotations

import sys

from benchmarks.memory import AfterSteps, peak_gb
from benchmarks.peer import quiet
from benchmarks.post_training_peer import PEERS
from benchmarks.shape import row


def measure() -> list[dict[str, str]]:
    """A row a figure."""
    rows = []
    for precision in ("bf16", "fp32"):
        for kind in ("grpo", "sft", "rm"):
            sides = (f"lmlab {kind}", f"TRL {kind}")
            ours, theirs = (
                peak_gb("benchmarks.post_training_memory", side, precision) for side in sides
            )
            note = f"{ours:.2f} GB of {theirs:.2f} GB (TRL)"
            name = f"{precision}: {kind}, peak memory ratio"
            rows.append(row(name, f"{ours / theirs:.2f}", "<= 1", note))
    return rows


if __name__ == "__main__":
    quiet()
    PEERS[sys.argv[1]](sys.argv[2], sys.argv[3], AfterSteps())
