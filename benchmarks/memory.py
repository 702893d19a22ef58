"""Peak memory of two training steps of GPT-2 small: each side in a process of its own."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.shape import hf_trainer, quiet, run_lmlab
from benchmarks.training_speed import row


def lmlab_side(precision: str) -> None:
    """Vocabulary 50257, batch 8 x 256, through the whole of lmlab."""
    with tempfile.TemporaryDirectory() as root:
        overrides = ["arch=gpt2_small", "tokenizer=gpt2", "data.seq_len=256", "batch.tokens=2048"]
        overrides += ["batch.micro_sequences=8", "budget.steps=2", "stage.num_validations=0"]
        overrides += ["checkpoint.every_steps=null", f"hardware.precision={precision}"]
        run_lmlab([*overrides, "data.source.max_mb=1", f"run.root={root}", "track=none"], [_Peak()])


def _Peak() -> Any:
    import lightning as L

    class Peak(L.Callback):
        """Prints the peak before the last checkpoint is written."""

        def on_train_batch_end(self, trainer: L.Trainer, *arguments: Any) -> None:
            if trainer.global_step == 2:
                print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)

    return Peak()


def hf_side(precision: str) -> None:
    """The same through Hugging Face's Trainer."""
    with tempfile.TemporaryDirectory() as folder:
        hf_trainer({"vocab_size": 50257}, precision, 2, 8, folder, []).train()
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)


def peak_gb(side: str, precision: str) -> float:
    """Peak resident memory of one side, in GB."""
    command = [sys.executable, "-m", "benchmarks.memory", side, precision]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("peak"))
    return int(line.split()[1]) * 1024 / 1e9


def measure() -> list[dict[str, Any]]:
    """A row a figure."""
    rows = []
    for precision in ("bf16", "fp32"):
        ours, theirs = (peak_gb(side, precision) for side in ("lmlab", "hf"))
        note = f"{ours:.2f} GB of {theirs:.2f} GB (HF Trainer); GPT-2 small, batch 8 x 256"
        rows.append(row(f"{precision}: peak memory ratio", f"{ours / theirs:.2f}", "<= 0.7", note))
    return rows


if __name__ == "__main__":
    quiet()
    {"lmlab": lmlab_side, "hf": hf_side}[sys.argv[1]](sys.argv[2])
