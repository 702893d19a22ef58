"""Stands in for lmlab.worker: adds numbers for a moment, saves after each, resumes exactly.

Fails for seeds in $FAKE_FAIL ("3" always, "3:2" the first two times).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import yaml

STEPS, SECONDS = 5, 0.02


def main(config: Path, resume: bool) -> int:
    folder, received = config.parent, list[int]()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda n, frame: received.append(n))
    seed = yaml.safe_load(config.read_text())["config"]["seed"]
    saved = folder / "checkpoints" / "step.json"
    value, step = json.loads(saved.read_text()) if resume and saved.exists() else (seed, 0)
    note(folder / "run.json", {"status": "running"})
    append(folder / "starts.txt", f"{step} {os.environ.get('OMP_NUM_THREADS')}")
    append(folder / "gpus.txt", os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
    if fails(folder, seed):
        print(f"seed {seed} is out of luck")
        return 3
    seconds = float(os.environ.get("FAKE_SECONDS", SECONDS))
    while step < STEPS:
        time.sleep(seconds)
        value, step = (value * 31 + 7) % 1009, step + 1
        note(saved, [value, step])
        note(folder / "progress.json", progress(step, value))
        if received:
            note(folder / "run.json", {"status": "interrupted"})
            return 128 + received[0]
    append(folder / "finished.txt", str(value))
    event = {"n": 1, "ms": 0, "type": "metrics", "step": step}
    values = {"val/loss_nats": value / 100.0, "progress/tokens": 10.0 * seed}
    append(folder / "track" / "events.jsonl", json.dumps(event | {"values": values}))
    note(folder / "run.json", {"status": "finished"})
    return 0


def fails(folder: Path, seed: int) -> bool:
    for text in filter(None, os.environ.get("FAKE_FAIL", "").split(",")):
        which, _, times = text.partition(":")
        starts = len((folder / "starts.txt").read_text().splitlines())
        if int(which) == seed and (not times or starts <= int(times)):
            return True
    return False


def progress(step: int, value: float) -> dict[str, float]:
    return {"step": step, "part": step / STEPS, "loss_nats": value, "tokens_per_second": 10.0,
            "seconds_left": 60.0}  # fmt: skip


def note(file: Path, value: object) -> None:
    file.parent.mkdir(exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(value))
    os.replace(fresh, file)


def append(file: Path, line: str) -> None:
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as opened:
        opened.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "--resume" in sys.argv))
