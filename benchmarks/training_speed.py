"""Tokens a second: lmlab, a bare loop over the same model, Hugging Face's Trainer; taken in turns."""

from __future__ import annotations

import statistics
from typing import Any

from torch.profiler import ProfilerActivity, profile

from benchmarks.shape import BareLoop, hf_round, lmlab_round, matmul_rate, median_rate

KINDS = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"),
    "attention kernel": ("aten::_scaled_dot_product_flash_attention_for_cpu",),
    "softmax and exp": ("softmax", "aten::exp", "aten::amax", "aten::sum"),
    "GELU": ("aten::gelu",),
    "copies and casts": ("aten::copy_", "aten::cat", "aten::_to_copy"),
    "norms": ("layer_norm",),
    "optimizer and clipping": ("_fused_adamw", "linalg_vector_norm", "_foreach"),
}


def measure(rounds: int = 4, num_steps: int = 13) -> list[dict[str, Any]]:
    """A row a figure: name, value, goal, note."""
    rows = []
    for precision in ("bf16", "fp32"):
        bare = BareLoop(precision)
        seconds: dict[str, list[float]] = {"lmlab": [], "bare loop": [], "HF Trainer": []}
        matmul = []
        for _ in range(rounds):
            seconds["bare loop"] += bare.round(num_steps)
            seconds["lmlab"] += lmlab_round(precision, num_steps)
            seconds["HF Trainer"] += hf_round(precision, num_steps)
            matmul.append(matmul_rate(precision))
        rates = {name: median_rate(values) for name, values in seconds.items()}
        rows += ratios(precision, rates)
        flops = bare.model.flops_per_token(256)
        rate = statistics.median(matmul)
        used = rates["lmlab"] * flops / rate
        note = f"{rates['lmlab'] * flops / 1e9:.0f} of {rate / 1e9:.0f} GFLOP/s"
        goal = ">= 0.50" if precision == "bf16" else ""
        rows.append(row(f"{precision}: model FLOP utilisation", f"{used:.2f}", goal, note))
        if precision == "bf16":
            rows += breakdown(bare)
    return rows


def ratios(precision: str, rates: dict[str, float]) -> list[dict[str, Any]]:
    """Tokens a second of each, and lmlab's over the others'."""
    found = [
        row(f"{precision}: {name}", f"{rate:,.0f} tokens/s", "", "median step")
        for name, rate in rates.items()
    ]
    ours = rates["lmlab"]
    found.append(
        row(f"{precision}: lmlab / bare loop", f"{ours / rates['bare loop']:.3f}", ">= 0.97", "")
    )
    found.append(
        row(f"{precision}: lmlab / HF Trainer", f"{ours / rates['HF Trainer']:.2f}", ">= 1.3", "")
    )
    return found


def breakdown(bare: BareLoop) -> list[dict[str, Any]]:
    """Where one step's time goes, by kind of operation."""
    bare.step(0)
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        bare.step(1)
    spent = {event.key: event.self_cpu_time_total for event in recorded.key_averages()}
    total = sum(spent.values())
    rows = []
    for kind, names in KINDS.items():
        part = sum(t for key, t in spent.items() if any(name in key for name in names))
        rows.append(row(f"bf16 step: {kind}", f"{part / total:.0%}", "", "of the step's time"))
    return rows


def row(name: str, value: str, goal: str, note: str) -> dict[str, Any]:
    """One line of the table."""
    return {"name": name, "value": value, "goal": goal, "note": note}
