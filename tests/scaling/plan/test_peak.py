"""A plan's memory against the resident memory of a run from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.scaling.plan.memory import Layout, on_cpu, total_memory
from lmlab.shape_of import shape_of
from lmlab.subject import arch_of
from tests.conftest import ROOT

# The command, then the most resident memory that its process ever had, in KiB.
COMMAND = """
import sys
from lmlab.__main__ import main
code = main(sys.argv[1:])
status = open("/proc/self/status").read()
print("peak", status.split("VmHWM:")[1].split()[0])
sys.exit(code)
"""
SEQ_LEN, MICRO, NUM_MICRO = 256, 8, 2
WORDS = [
    "tokenizer=bytes", "data=stdlib", "data.source.max_mb=1", f"data.seq_len={SEQ_LEN}",
    f"batch.sequences={MICRO * NUM_MICRO}", f"batch.micro_sequences={MICRO}", "budget.steps=3",
    "hardware=cpu", "track=none", "stage.num_validations=0", "arch=gpt_small",
]  # fmt: skip
MIDDLE = ["arch.width=512", "arch.num_heads=8", "arch.num_layers=8"]
LEAST = ["arch.width=8", "arch.num_heads=1", "arch.num_layers=1"]


def peak_bytes(folder: Path, *words: str) -> int:
    command = [sys.executable, "-c", COMMAND, *WORDS, *words, f"run.root={folder}"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "MALLOC_MMAP_THRESHOLD_": str(2**18)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return 1024 * int(done.stdout.rpartition("peak")[2])


def planned_bytes(precision: str, *words: str) -> float:
    config = resolve.plain(Composer(find_places()).compose([*WORDS, *words]).cfg)
    layout = on_cpu(Layout(precision=precision), SEQ_LEN)  # type: ignore[arg-type]
    return total_memory(shape_of(arch_of(config)), layout, MICRO * SEQ_LEN, SEQ_LEN, NUM_MICRO)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(("asked", "precision"), [("fp32", "fp32"), ("bf16", "bf16_mixed")])
def test_a_run_takes_within_ten_percent_of_what_is_planned(asked, precision, tmp_path):
    """What the process takes without the model is that of a run of a model of next to nothing.

    glibc keeps what is freed for later, which no plan counts; large pieces go back at once here.
    """
    words = [f"hardware.precision={asked}"]
    more = peak_bytes(tmp_path, *words, *MIDDLE) - peak_bytes(tmp_path, *words, *LEAST)
    planned = planned_bytes(precision, *MIDDLE) - planned_bytes(precision, *LEAST)
    assert more == pytest.approx(planned, rel=0.1)
