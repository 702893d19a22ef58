"""Tokens a second of lmlab, of a bare loop over the same model and of Hugging Face's Trainer."""

from __future__ import annotations

import statistics

from torch.profiler import ProfilerActivity, profile

from benchmarks.peer import MATMUL_FLOPS, BareLoop
from benchmarks.shape import SEQ_LEN, TOKENS, row
from benchmarks.turns import take_turns

PEERS = ["bare loop", "lmlab", "HF Trainer", "matmul"]
KINDS = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"),
    "softmax of attention and loss": ("softmax", "aten::exp", "aten::amax", "aten::sum"),
    "copies and casts": ("aten::copy_", "aten::cat", "aten::_to_copy"),
    "element-wise: add, mul, masks": ("aten::add", "aten::mul", "aten::sub", "aten::masked_fill"),
    "GELU": ("gelu",),
    "norms": ("layer_norm",),
    "AdamW and clipping": ("_fused_adamw", "linalg_vector_norm", "_foreach"),
}


def measure(rounds: int = 12) -> list[dict[str, str]]:
    """A row a figure."""
    rows = []
    for precision in ("bf16", "fp32"):
        seconds = take_turns(PEERS, precision, rounds)
        median = {name: statistics.median(values) for name, values in seconds.items()}
        rows += rates(precision, median, seconds)
        rows += utilisation(precision, median)
    return rows + breakdown("bf16")


def rates(
    precision: str, median: dict[str, float], seconds: dict[str, list[float]]
) -> list[dict[str, str]]:
    """Tokens a second of each, and lmlab's over the others'."""
    rows = []
    for name in PEERS[:3]:
        low, _, high = statistics.quantiles(seconds[name], n=4)
        note = f"step {median[name]:.3f} s, quartiles {low:.3f} to {high:.3f}"
        rows.append(row(f"{precision}: {name}", f"{TOKENS / median[name]:,.0f} tokens/s", "", note))
    for peer, goal in (("bare loop", ">= 0.97"), ("HF Trainer", ">= 1.3")):
        ratio = median[peer] / median["lmlab"]
        rows.append(row(f"{precision}: lmlab / {peer}", f"{ratio:.3f}", goal, "tokens/s"))
    return rows


def utilisation(precision: str, median: dict[str, float]) -> list[dict[str, str]]:
    """Floating-point operations of the model's own formula over the rate of matrix products."""
    flops = BareLoop(precision).model.flops_per_sequence(0, SEQ_LEN, SEQ_LEN) / SEQ_LEN * TOKENS
    peak = MATMUL_FLOPS / median["matmul"]
    goal = ">= 0.50" if precision == "bf16" else ""
    rows = []
    for name in ("lmlab", "HF Trainer"):
        rate = flops / median[name]
        note = f"{rate / 1e9:.0f} of {peak / 1e9:.0f} GFLOP/s of a 2048 x 2048 product"
        goal = goal if name == "lmlab" else ""
        title = f"{precision}: model FLOP utilisation, {name}"
        rows.append(row(title, f"{rate / peak:.2f}", goal, note))
    return rows


def breakdown(precision: str, num_steps: int = 3) -> list[dict[str, str]]:
    """Where the time of a step of the bare loop goes, by kind of operation."""
    loop = BareLoop(precision)
    loop.step()
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for _ in range(num_steps):
            loop.step()
    spent = {event.key: event.self_cpu_time_total for event in recorded.key_averages()}
    total = sum(spent.values())
    rows = []
    for kind, names in KINDS.items():
        keys = [key for key in spent if any(name in key for name in names)]
        part = sum(spent.pop(key) for key in keys)
        rows.append(row(f"{precision} step: {kind}", f"{part / total:.0%}", "", "of its time"))
    rest = f"{sum(spent.values()) / total:.0%}"
    return [*rows, row(f"{precision} step: everything else", rest, "", "of its time")]
