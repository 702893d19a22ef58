"""Steps of lmlab's grpo, sft and rm beside TRL's, in turns; and where a PPO step's time goes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from torch.profiler import ProfilerActivity, profile

from benchmarks import shape
from benchmarks.peer import quiet
from benchmarks.post_training_peer import (
    CONVERSATIONS,
    NEW_TOKENS,
    PAIRS,
    PROMPT_TOKENS,
    PROMPTS,
    SAMPLES,
    real_tokens,
)
from benchmarks.shape import row
from benchmarks.turns import take_turns

GOALS = {"grpo": ">= 3", "sft": ">= 1.5", "rm": ">= 1.5"}
# Real tokens that a step of lmlab's sft reads are counted from this many rows, packed 0.973 full.
SFT_ROWS, SFT_FILLED = 12, 0.973
# What counts as the models' own arithmetic in a PPO step.
ARITHMETIC = {
    "matrix products": (
        "aten::mm",
        "aten::addmm",
        "aten::bmm",
        "aten::baddbmm",
        "_linear_pointwise",
    ),
    "attention": ("attention",),
    "softmax and loss": ("softmax", "aten::exp", "aten::amax", "aten::sum", "aten::logsumexp"),
    "GELU, norms, sums": ("gelu", "layer_norm", "aten::add", "aten::mul", "embedding"),
}
OTHER = {
    "copies and the cache of keys and values": ("aten::copy_", "aten::cat", "aten::index"),
    "AdamW and clipping": ("_fused_adamw", "linalg_vector_norm", "_foreach"),
}
PROFILED = 2


def tokens_of(kind: str, side: str) -> float:
    """Real tokens of a step of that side; of GRPO, tokens of the answers."""
    if kind == "grpo":
        return PROMPTS * SAMPLES * NEW_TOKENS
    if kind == "sft" and side == "lmlab":
        return SFT_ROWS * shape.SEQ_LEN * SFT_FILLED
    return real_tokens(kind) * (CONVERSATIONS if kind == "sft" else PAIRS)


def measure(rounds: int = 7) -> list[dict[str, str]]:
    """A row a figure."""
    rows = []
    for precision in ("fp32", "bf16"):
        for kind, goal in GOALS.items():
            names = [f"lmlab {kind}", f"TRL {kind}"]
            seconds = take_turns(names, precision, rounds)
            rates = {}
            for name in names:
                low, middle, high = statistics.quantiles(seconds[name], n=4)
                rates[name] = tokens_of(kind, name.split()[0]) / middle
                note = f"step {middle:.2f} s, quartiles {low:.2f} to {high:.2f}"
                value = f"{rates[name]:,.0f} tokens/s"
                rows.append(row(f"{precision}: {name}", value, "", note))
            ratio = f"{rates[names[0]] / rates[names[1]]:.2f}"
            rows.append(row(f"{precision}: {names[0]} / TRL", ratio, goal, "real tokens/s"))
    return rows + ppo_shares()


class Profiled:
    """Called after every step: profiles some, prints seconds by operation and ends the process."""

    def __init__(self) -> None:
        self.steps, self.recorder, self.started = 0, None, 0.0

    def __call__(self, *arguments: Any, **keywords: Any) -> None:
        self.steps += 1
        if self.steps == 2:
            self.recorder = profile(activities=[ProfilerActivity.CPU])
            self.recorder.__enter__()
            self.started = time.perf_counter()
        if self.steps == 2 + PROFILED:
            wall = time.perf_counter() - self.started
            self.recorder.__exit__(None, None, None)
            spent = {e.key: e.self_cpu_time_total / 1e6 for e in self.recorder.key_averages()}
            print("profiled", json.dumps({"wall": wall, "spent": spent}), flush=True)
            os._exit(0)


def ppo_shares() -> list[dict[str, str]]:
    """Shares of the wall time of a PPO step: 32 answers of 64 + 64 tokens, a value model, fp32."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "benchmarks.post_training_speed", folder]
        done = subprocess.run(command, capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if line.startswith("profiled ")]
    if not found:
        raise RuntimeError(f"ppo ended with {done.returncode}:\n{done.stderr[-1500:]}")
    recorded = json.loads(found[0].removeprefix("profiled "))
    wall, spent = recorded["wall"], recorded["spent"]
    shares = {}
    for kind, names in (ARITHMETIC | OTHER).items():
        keys = [key for key in spent if any(name in key for name in names)]
        shares[kind] = sum(spent.pop(key) for key in keys) / wall
    shares["other operations"] = sum(spent.values()) / wall
    shares["Python and waiting"] = max(0.0, 1 - sum(shares.values()))
    note = f"{PROMPTS} prompts x {SAMPLES} answers of {PROMPT_TOKENS + 1} + {NEW_TOKENS} tokens"
    model = sum(shares[kind] for kind in ARITHMETIC)
    rows = [row("fp32 ppo step: model arithmetic", f"{model:.0%}", ">= 60%", note)]
    return rows + [
        row(f"fp32 ppo step: {kind}", f"{part:.0%}", "", "of its wall time, profiled")
        for kind, part in shares.items()
    ]


def run_ppo(folder: str) -> None:
    """PPO's command line at the shape of the GRPO rows, one pass over the answers."""
    from benchmarks.post_training_peer import lmlab_words
    from lmlab.__main__ import main
    from lmlab.stage.training import Training

    Training.on_train_batch_end = Profiled()  # type: ignore[method-assign]
    words = [word for word in lmlab_words("grpo", "fp32", folder) if "kl_weight" not in word]
    sys.exit(main(["stage=ppo", "stage.epochs=1", *words[1:]]))


if __name__ == "__main__":
    quiet()
    if len(sys.argv) > 1:
        run_ppo(sys.argv[1])
    else:
        for each in measure():
            print(each["name"], each["value"], each["goal"], each["note"])
