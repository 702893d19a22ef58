"""Processes that torchrun or srun started agree on one run folder: process 0 makes it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lmlab.config.error import ConfigError

SECONDS = 300.0  # that the others wait for process 0


def agreed(make: Callable[[], Path], root: Path, env: Mapping[str, str] = os.environ) -> Path:
    """What `make` gives in process 0; the others are told, and wait for it.

    root: a folder that all processes see. Alone, or started by nothing that is known: `make()`.
    Raises: ConfigError when process 0 says nothing, or its folder cannot be seen from here.
    """
    tell, ask = _ways(root, env)
    rank = int(env.get("RANK", env.get("SLURM_PROCID", "0")))
    if rank == 0:
        folder = make()
        tell(str(folder.resolve()))
        return folder
    told = ask()
    if told is None:
        return make()
    folder = Path(told)
    if not (folder / "config.yaml").is_file():
        raise ConfigError(
            [
                f"run.root: process 0 made {folder}, which process {rank} cannot see; use a shared disk"
            ]
        )
    return folder


def _ways(
    root: Path, env: Mapping[str, str]
) -> tuple[Callable[[str], None], Callable[[], str | None]]:
    """How process 0 tells the others: torchrun's store, or a file named by SLURM's job step."""
    if env.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        return _by_store(env)
    if "SLURM_JOB_ID" in env and int(env.get("SLURM_NTASKS", "1")) > 1:
        parts = (env["SLURM_JOB_ID"], env.get("SLURM_STEP_ID", "0"))
        again = env.get("SLURM_RESTART_COUNT", "0")
        return _by_file(root / f".slurm-{'-'.join(parts)}-{again}")
    return (lambda text: None), (lambda: None)


def _by_store(env: Mapping[str, str]) -> tuple[Callable[[str], None], Callable[[], str | None]]:
    from torch.distributed import TCPStore

    store = TCPStore(env["MASTER_ADDR"], int(env["MASTER_PORT"]), is_master=False)
    key = f"lmlab/folder/{env.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    return (lambda text: store.set(key, text)), (lambda: store.get(key).decode())


def _by_file(path: Path) -> tuple[Callable[[str], None], Callable[[], str | None]]:
    def tell(text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)

    def ask() -> str:
        deadline = time.monotonic() + SECONDS
        while not path.is_file():
            if time.monotonic() > deadline:
                raise ConfigError([f"process 0 made no run folder within {SECONDS:.0f} seconds"])
            time.sleep(0.1)
        return path.read_text(encoding="utf-8")

    return tell, ask
