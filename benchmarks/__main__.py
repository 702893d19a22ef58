"""`python -m benchmarks [NAME ...]`: measures those (all without names) and prints their tables.

Each is a section of benchmarks/README.md, which is written anew; the names are below.
"""

from __future__ import annotations

import datetime
import importlib
import os
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path

import psutil
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.peer import quiet
from lmlab import __version__

NAMES = (
    "training_speed",
    "objective_speed",
    "generation_speed",
    "post_training_speed",
    "memory",
    "post_training_memory",
    "policy_memory",
    "start_up",
    "data_speed",
    "collation_speed",
)
PACKAGES = ("torch", "lightning", "transformers", "trl", "tokenizers", "mlflow")
PAGE = Path(__file__).with_name("README.md")
HEAD = """# Benchmarks

`make bench` measures everything below and writes this page (about 40 minutes; use a quiet machine);
`make bench ARGS=NAME` measures one section of it anew.

The shape of the speed rows: 6 layers, width 384, 6 heads, 256 tokens, vocabulary 8192, batch 16,
AdamW, gradient norm clipped at 1.0, no dropout. Each peer is a process of its own; they take turns,
one step at a time, and those that wait are stopped, so that whatever else the machine does hits all
alike. Figures are medians over the steps, ratios are ratios of medians.

- **lmlab** is its command line, from composing to MLflow; validation and checkpoints are off.
- **bare loop** is the same model, loss and fused AdamW in a dozen lines, on tokens in memory.
- **HF Trainer** is Hugging Face's Trainer with its GPT-2 of that shape: the same dtype, batch,
  clipping and fused AdamW, `sdpa` attention; nothing logged, evaluated or saved.
- **model FLOP utilisation** is the model's training FLOPs a second (6 a matrix weight and token,
  and attention's two products over the half of the scores that a causal mask leaves) over the rate
  of large square matrix products, which take their turns too.
- On AMD processors with AVX-512, lmlab's layers multiply fp32 matrices with oneDNN (lmlab/product.py),
  and so do the bare loop, which has lmlab's layers, and the large square products; the peers have
  what torch takes, which is MKL.
- The rows `bf16 step` say where the time of a step goes (torch's profiler on the bare loop).
- BERT and T5 train beside Hugging Face's models of the same shape, which are given rows that are
  masked already; lmlab collates its own.
- Generation is batch 16, 64 prompt and 128 new tokens at temperature 1, beside `generate`.
- GRPO, sft and reward models train beside TRL on the same random words: 4 prompts of 64 tokens with 8
  answers of 64, reward length, KL to a reference; conversations and comparisons whose lengths vary as
  people's do, counted in real tokens (lmlab packs conversations, TRL pads them, each by default).
- Memory is the peak of the process (VmHWM) after two steps, each side in a fresh process.
"""


def machine() -> str:
    """What the figures were measured on."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"Measured on {datetime.date.today()}: {processor()}, {torch.get_num_threads()} threads, "
        f"{torch.backends.cpu.get_cpu_capability()}, {psutil.virtual_memory().total / 2**30:.0f} "
        f"GiB of memory, load {load} before; Python {platform.python_version()}, "
        f"lmlab {__version__}, {packages}."
    )


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def show(rows: list[dict[str, str]]) -> None:
    """The table on the screen."""
    table = Table("what", "value", "goal", "note")
    for row in rows:
        table.add_row(row["name"], row["value"], row["goal"], row["note"])
    Console().print(table)


def section(name: str, rows: list[dict[str, str]], description: str) -> str:
    """The table of one benchmark as Markdown, with the machine it was measured on."""
    lines = ["| what | value | goal | note |", "|---|---|---|---|"]
    lines += [f"| {r['name']} | {r['value']} | {r['goal']} | {r['note']} |" for r in rows]
    return f"## {name}\n\n{description}\n\n" + "\n".join(lines) + "\n"


def sections(text: str) -> dict[str, str]:
    """The sections of a page by their names."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part[3:].split("\n", 1)[0]: part.rstrip("\n") + "\n" for part in parts}


def write(new: dict[str, str]) -> None:
    """Put new sections into the page; the others stay as they were measured."""
    kept = sections(PAGE.read_text()) if PAGE.is_file() else {}
    found = kept | new
    PAGE.write_text("\n".join([HEAD, *(found[name] for name in NAMES if name in found)]))


def main(names: list[str]) -> None:
    """Measure, print, write; every benchmark as soon as it is done."""
    wrong = [name for name in names if name not in NAMES]
    if wrong:
        sys.exit(f"no benchmark {wrong[0]}; there are {', '.join(NAMES)}")
    quiet()
    for name in names or NAMES:
        print(f"measuring {name} ...", flush=True)
        description = machine()
        rows = importlib.import_module(f"benchmarks.{name}").measure()
        show(rows)
        write({name: section(name, rows, description)})


if __name__ == "__main__":
    main(sys.argv[1:])
