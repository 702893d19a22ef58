"""A launcher over the small tree of tests/config/fake.py in the working directory."""

from __future__ import annotations

import sys
from pathlib import Path

from lmlab.config.compose import Composer
from lmlab.config.place import Places
from lmlab.config.report import guarded
from lmlab.sweep.run import run_sweep

WORKER = "tests.sweep.fake_worker"


def sweep(folder: Path, *overrides: str) -> int:
    places = Places((folder / "conf",), (folder / "experiments",))
    return run_sweep(Composer(places), list(overrides), worker=WORKER)


if __name__ == "__main__":
    sys.exit(guarded(lambda: sweep(Path.cwd(), *sys.argv[1:]), False))
