"""`python -m benchmarks [training_speed memory start_up]`: the table, and benchmarks/README.md."""

from __future__ import annotations

import datetime
import importlib
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.shape import quiet

NAMES = ("training_speed", "memory", "start_up")
HEAD = """# Benchmarks

`make bench` writes this page. Peers run in the same process or right after each other, in turns;
figures are medians of step times. The shape of the speed rows: 6 layers, width 384, 6 heads, 256
tokens, vocabulary 8192, batch 16, AdamW, gradient norm clipped at 1.0. lmlab runs through
everything the command line runs through, with MLflow logging on, validation and intermediate
checkpoints off; Hugging Face's Trainer runs its GPT-2 with nothing logged or saved.
"""


def machine() -> str:
    """What the figures were measured on."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "lightning", "transformers")
    )
    return (
        f"{datetime.date.today()}: {model}, {torch.get_num_threads()} threads, "
        f"{torch.backends.cpu.get_cpu_capability()}, Python {platform.python_version()}, {packages}."
    )


def main(names: list[str]) -> None:
    """Measure, print, write."""
    quiet()
    rows = []
    for name in names or NAMES:
        rows += importlib.import_module(f"benchmarks.{name}").measure()
    table = Table("what", "value", "goal", "note")
    for row in rows:
        table.add_row(row["name"], row["value"], row["goal"], row["note"])
    Console().print(table)
    if not names:
        lines = ["| what | value | goal | note |", "|---|---|---|---|"]
        lines += [f"| {r['name']} | {r['value']} | {r['goal']} | {r['note']} |" for r in rows]
        Path("benchmarks/README.md").write_text(
            f"{HEAD}\n{machine()}\n\n" + "\n".join(lines) + "\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
