"""Peak memory of policy stages at the same shapes, each in a process of its own: PPO beside GRPO."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from benchmarks.memory import AfterSteps
from benchmarks.peer import quiet
from benchmarks.shape import NUM_HEADS, NUM_LAYERS, WIDTH, row, without_pauses

# Answers of a step, and tokens of a prompt and of an answer at most.
RESPONSES, PROMPT, ANSWER = 32, 64, 64
VOCAB = 4096  # the generated tasks have not enough text for more
WAYS: dict[str, list[str]] = {
    "ppo, a value model of its own": ["stage=ppo", "stage.num_samples=8", "stage.epochs=1"],
    "ppo, shared trunk": [
        "stage=ppo",
        "stage.num_samples=8",
        "stage.epochs=1",
        "stage.shared_trunk=true",
    ],
    "grpo": ["stage=grpo"],
    "grpo, no reference": ["stage=grpo", "objective.kl_weight=0", "stage.track_kl=false"],
    "grpo, adapters": ["stage=grpo", "stage.lora_rank=8"],
}


def words(way: str, folder: str, width: int = WIDTH) -> list[str]:
    """The command line of a way."""
    return [
        *WAYS[way],
        "reward=length",
        "optim.weight_decay=0",
        f"arch.num_layers={NUM_LAYERS}",
        f"arch.width={width}",
        f"arch.num_heads={NUM_HEADS}",
        f"arch.max_seq_len={PROMPT + ANSWER}",
        f"tokenizer.size={VOCAB}",
        f"data.max_prompt_tokens={PROMPT}",
        f"stage.max_new_tokens={ANSWER}",
        f"batch.sequences={RESPONSES // 8}",
        "batch.micro_sequences=8",
        "hardware=cpu",
        "hardware.precision=fp32",
        "track=none",
        f"run.root={folder}",
        *without_pauses(10**6),
    ]


def run(way: str, folder: str, width: int) -> None:
    """Two steps of a way; prints the peak and ends the process."""
    from lmlab.__main__ import main
    from lmlab.stage.training import Training

    Training.on_train_batch_end = AfterSteps()  # type: ignore[method-assign]
    sys.exit(main(words(way, folder, width)))


def peak_gb(way: str, width: int = WIDTH) -> float:
    """Peak resident memory of a way, in GB."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "benchmarks.policy_memory", way, folder, str(width)]
        done = subprocess.run(command, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("peak-kb"):
            return int(line.split()[1]) * 1024 / 1e9
    raise RuntimeError(f"{way} ended with {done.returncode}:\n{done.stderr[-1500:]}")


def measure() -> list[dict[str, str]]:
    """A row a way; the imports of a process are a part of every peak."""
    peaks = {way: peak_gb(way) for way in WAYS}
    ppo = peaks[next(iter(WAYS))]
    note = f"{NUM_LAYERS} layers, width {WIDTH}, {RESPONSES} answers of {PROMPT} + {ANSWER} tokens, fp32"
    return [
        row(f"peak memory: {way}", f"{peak:.2f} GB", "", f"{peak / ppo:.2f} of the first; {note}")
        for way, peak in peaks.items()
    ]


if __name__ == "__main__":
    quiet()
    if len(sys.argv) == 1:
        for each in measure():
            print(each["name"], each["value"], each["note"])
    else:
        run(sys.argv[1], sys.argv[2], int(sys.argv[3]))
