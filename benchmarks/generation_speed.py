"""New tokens a second of lmlab's sampling and of Hugging Face's `generate`, in turns."""

from __future__ import annotations

import statistics

from benchmarks.generation_peer import BATCH, NEW_TOKENS, PROMPT_TOKENS
from benchmarks.shape import row
from benchmarks.turns import take_turns

PEERS = {
    "fp32": ["lmlab sample", "HF generate"],
    "bf16": ["lmlab sample", "HF generate", "HF generate, bf16 weights"],
}
GOAL = ">= 2"


def measure(rounds: int = 9) -> list[dict[str, str]]:
    """A row a figure."""
    rows = []
    for precision, names in PEERS.items():
        seconds = take_turns(names, precision, rounds)
        median = {name: statistics.median(values) for name, values in seconds.items()}
        shape = f"{BATCH} x ({PROMPT_TOKENS} prompt + {NEW_TOKENS} new)"
        for name in names:
            low, _, high = statistics.quantiles(seconds[name], n=4)
            note = f"{shape}: {median[name]:.2f} s, quartiles {low:.2f} to {high:.2f}"
            rate = BATCH * NEW_TOKENS / median[name]
            rows.append(row(f"{precision}: {name}", f"{rate:,.0f} new tokens/s", "", note))
        for name in names[1:]:
            ratio = f"{median[name] / median['lmlab sample']:.2f}"
            rows.append(row(f"{precision}: lmlab sample / {name}", ratio, GOAL, "new tokens/s"))
    return rows
