from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lmlab.config.completion import BASH

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(
    shutil.which("bash") is None, reason="bash completion needs bash, which is not installed"
)
@pytest.mark.parametrize("typed", ["{python} -m lmlab objective=c", "lmlab objective=c"])
def test_bash_completes(typed: str, tmp_path: Path) -> None:
    script = tmp_path / "bin" / "lmlab"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m lmlab "$@"\n')
    script.chmod(0o755)
    line = typed.format(python=sys.executable)
    ask = (
        f'COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}; _lmlab_complete; echo "${{COMPREPLY[@]}}"'
    )
    env = os.environ | {
        "PATH": f"{script.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-c", BASH + ask], capture_output=True, text=True, env=env, timeout=60, check=False
    )
    assert "objective=clm" in done.stdout.split(), done.stderr
