"""Peak memory of two training steps of GPT-2 small: each side in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.peer import quiet, run_hugging_face, run_lmlab
from benchmarks.shape import row, without_pauses

BATCH, SEQ_LEN, VOCAB, STEPS = 8, 256, 50257, 2


class AfterSteps:
    """Called after every step; prints the peak after the last one and ends the process."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, *arguments: Any, **keywords: Any) -> None:
        self.steps += 1
        if self.steps == STEPS:
            print("peak-kb", peak_kb(), flush=True)
            os._exit(0)


def peak_kb() -> int:
    """The most resident memory this process ever had; its parent's does not count."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def lmlab_side(precision: str, folder: str) -> None:
    """Through lmlab's command line."""
    words = ["arch=gpt2_small", "tokenizer=gpt2", f"data.seq_len={SEQ_LEN}"]
    words += [f"batch.tokens={BATCH * SEQ_LEN}", f"batch.micro_sequences={BATCH}", "track=none"]
    words += [f"hardware.precision={precision}", f"run.root={folder}", "data.source.max_mb=1"]
    run_lmlab([*words, *without_pauses(10)], AfterSteps())


def hugging_face_side(precision: str, folder: str) -> None:
    """The same through Hugging Face's Trainer; GPT-2 small is its GPT2Config's default."""
    run_hugging_face(
        {"vocab_size": VOCAB},
        precision,
        batch=BATCH,
        num_steps=10,
        folder=folder,
        after_step=AfterSteps(),
    )


def peak_gb(module: str, side: str, precision: str) -> float:
    """Peak resident memory of one side of a benchmark's module, in GB."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", module, side, precision, folder]
        # lmlab's command sets this before it imports torch, which this file does at its top.
        own = {"THP_MEM_ALLOC_ENABLE": "1"} if side.startswith("lmlab") else {}
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | own)
    for line in done.stdout.splitlines():
        if line.startswith("peak-kb"):
            return int(line.split()[1]) * 1024 / 1e9
    raise RuntimeError(f"{side} ended with {done.returncode}:\n{done.stderr[-1500:]}")


def measure() -> list[dict[str, str]]:
    """A row a figure."""
    rows = []
    for precision in ("bf16", "fp32"):
        ours, theirs = (peak_gb("benchmarks.memory", side, precision) for side in ("lmlab", "hf"))
        note = f"{ours:.2f} GB of {theirs:.2f} GB (HF Trainer); GPT-2 small, 8 x 256 tokens"
        rows.append(row(f"{precision}: peak memory ratio", f"{ours / theirs:.2f}", "<= 0.7", note))
    return rows


if __name__ == "__main__":
    quiet()
    SIDES = {"lmlab": lmlab_side, "hf": hugging_face_side}
    SIDES[sys.argv[1]](sys.argv[2], sys.argv[3])
