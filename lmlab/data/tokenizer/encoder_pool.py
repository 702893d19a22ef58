"""Encoding in several processes, results in order and few texts in memory."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import numpy as np

# Each process takes about 120 MB.
MAX_PROCESSES = 4


def num_processes() -> int:
    """As many as there are cores for this process, at most MAX_PROCESSES."""
    return min(MAX_PROCESSES, len(os.sched_getaffinity(0)))


def encode_in_processes(
    json_text: str, by_word: bool, batches: Iterable[list[str]], number: int
) -> Iterator[list[np.ndarray]]:
    """The ids of every batch of texts, in order."""
    workers = [_start(json_text, by_word) for _ in range(number)]
    free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def encode(texts: list[str]) -> list[np.ndarray]:
        worker = free.get()
        try:
            return _ask(worker, texts)
        finally:
            free.put(worker)

    waiting: deque[Future[list[np.ndarray]]] = deque()
    try:
        with ThreadPoolExecutor(number) as threads:
            for texts in batches:
                waiting.append(threads.submit(encode, texts))
                if len(waiting) > number:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        for worker in workers:
            _stop(worker)


def _start(json_text: str, by_word: bool) -> subprocess.Popen[bytes]:
    package_parent = str(Path(__file__).resolve().parents[3])
    paths = [package_parent, os.environ.get("PYTHONPATH", "")]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "lmlab.data.tokenizer.encode_worker"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    assert worker.stdin is not None
    pickle.dump((json_text, by_word), worker.stdin)
    return worker


def _ask(worker: subprocess.Popen[bytes], texts: list[str]) -> list[np.ndarray]:
    assert worker.stdin is not None and worker.stdout is not None
    try:
        pickle.dump(texts, worker.stdin, pickle.HIGHEST_PROTOCOL)
        worker.stdin.flush()
        return pickle.load(worker.stdout)
    except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
        code = worker.wait()
        raise RuntimeError(f"a tokenising process ended with exit code {code}") from error


def _stop(worker: subprocess.Popen[bytes]) -> None:
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                pass
    try:
        worker.wait(timeout=5)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
