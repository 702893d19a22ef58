"""Processes on this machine that form a mesh over gloo, forked from one that has imported torch."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist

import lmlab.mesh  # noqa: F401  (so that every fork has it)
from tests.mesh import tiny  # noqa: F401

TIMEOUT = 120  # seconds without a word from any process


def _worker(rank: int, world: int, store: str, function: Callable[..., Any], results: Any) -> None:
    torch.set_num_threads(1)
    try:
        dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
        results.put((rank, function(), None))
        dist.barrier()
        dist.destroy_process_group()
    except Exception:
        results.put((rank, None, traceback.format_exc()))
        results.close()
        results.join_thread()
        os._exit(1)


def on_processes(world: int, function: Callable[[], Any]) -> list[Any]:
    """What the function returns on each of `world` processes, by rank; a failure of one is raised."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.mesh.gloo"])
    results = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        processes = [
            context.Process(
                target=_worker, args=(rank, world, f"{folder}/store", function, results)
            )
            for rank in range(world)
        ]
        for process in processes:
            process.start()
        found = {}
        try:
            while len(found) < world:
                rank, value, error = results.get(timeout=TIMEOUT)
                assert error is None, f"rank {rank}: {error}"
                found[rank] = value
        finally:
            for process in processes:
                if len(found) < world:
                    process.kill()
                process.join()
    return [found[rank] for rank in range(world)]
