"""Stands in for lmlab.worker: a bowl over the learning rate and the width, validated four times.

The bowl's floor is at a rate of 1e-2 and a width of 32. Every validation waits $FAKE_SECONDS.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import yaml

from tests.sweep.fake_worker import append, note

VALIDATIONS = 4


def main(config: Path, resume: bool) -> int:
    folder, received = config.parent, list[int]()
    signal.signal(signal.SIGTERM, lambda n, frame: received.append(n))
    settings = yaml.safe_load(config.read_text())["config"]
    end = bowl(settings["optim"]["learning_rate"], settings["arch"]["width"])
    saved = folder / "checkpoints" / "step.json"
    step = json.loads(saved.read_text()) if resume and saved.exists() else 0
    note(folder / "run.json", {"status": "running"})
    append(folder / "starts.txt", str(step))
    while step < VALIDATIONS:
        step += 1
        event = {"n": step, "ms": 0, "type": "metrics", "step": step}
        values = {"val/loss_nats": end + 1.0 / step}
        append(folder / "track" / "events.jsonl", json.dumps(event | {"values": values}))
        note(saved, step)
        for _ in range(10):
            time.sleep(float(os.environ.get("FAKE_SECONDS", "0")) / 10)
            if received and step < VALIDATIONS:
                note(folder / "run.json", {"status": "interrupted"})
                return 128 + received[0]
    append(folder / "finished.txt", str(end))
    note(folder / "run.json", {"status": "finished"})
    return 0


def bowl(rate: float, width: int) -> float:
    """Its value, 1 at the best."""
    return 1.0 + (math.log10(rate) + 2) ** 2 + 0.2 * abs(math.log2(width) - 5)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "--resume" in sys.argv))
