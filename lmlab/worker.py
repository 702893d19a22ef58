"""One process of a run: builds the objects, trains, and says what came of it.

`python -m lmlab.worker CONFIG [--resume]` is what the launcher, torchrun and SLURM start.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path


def run(config_path: str, *, resume: bool = False) -> int:
    """Run a job to its end (or to a signal); returns the process's exit code."""
    # Large pages for tensors: fewer holes in memory, which the peak counts. Read by torch once.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    from lmlab.config.needs import needs_model
    from lmlab.job import read

    job = read(config_path)
    if not needs_model(job.config):
        from lmlab.inquiry import inquire

        return inquire(job) if os.environ.get("RANK", "0") == "0" else 0
    from lmlab.lean import without_unused

    with without_unused():
        from lmlab.ancestors import pinned
        from lmlab.config.run_folder import held
        from lmlab.durable import clean
        from lmlab.launch import is_first
        from lmlab.train import Training

    with held(job.folder) if is_first() else nullcontext():
        if is_first():
            clean(job.folder)
        job = pinned(job, write=is_first())
        code = Training(job, resume=resume).run()
    _leave_group()
    return code


def _leave_group() -> None:
    """Ends the threads of torch's process group, which would abort a process that exits under them."""
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def main(arguments: list[str]) -> int:
    """The entry point of one rank."""
    from lmlab.config.report import WRONG_CONFIG, is_users, report, unwrapped

    path, resuming = Path(arguments[0]), "--resume" in arguments[1:]
    try:
        return run(str(path), resume=resuming)
    except Exception as error:
        if is_users(unwrapped(error)) and os.environ.get("RANK", "0") != "0":
            return WRONG_CONFIG  # every rank met the same mistake; rank 0 explains it
        return report(error, folder=path.parent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
