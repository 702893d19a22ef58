"""Peers in processes of their own that work in turns, one step at a time.

Whatever else the machine does then hits all of them alike. A peer that is not at work is stopped
with all its threads, so nothing of one peer runs in the time of another.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

READY, DONE, GO = "benchmark-ready", "benchmark-seconds", "go\n"
WARM = 2  # rounds that are not counted


class Gate:
    """A peer's side: called after every step, it gives the turn away and waits for the next one."""

    def __init__(self) -> None:
        self.started: float | None = None

    def __call__(self, *arguments: Any, **keywords: Any) -> None:
        if self.started is None:
            print(READY, flush=True)
        else:
            print(DONE, time.perf_counter() - self.started, flush=True)
        if not sys.stdin.readline():
            os._exit(0)
        self.started = time.perf_counter()


class Peer:
    """The driver's side: a process `python -m benchmarks.peer NAME PRECISION FOLDER`."""

    def __init__(self, name: str, precision: str, folder: str) -> None:
        self.name, self.log = name, Path(folder, "stderr.txt")
        command = [sys.executable, "-m", "benchmarks.peer", name, precision, folder]
        with self.log.open("w") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._line(READY)
        self._signal(signal.SIGSTOP)

    def step(self) -> float:
        """Seconds of one step, from the go to its end."""
        assert self.process.stdin is not None
        self._signal(signal.SIGCONT)
        self.process.stdin.write(GO)
        self.process.stdin.flush()
        seconds = float(self._line(DONE).split()[1])
        self._signal(signal.SIGSTOP)
        return seconds

    def end(self) -> None:
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _line(self, mark: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(mark):
                return line
        tail = "\n".join(self.log.read_text().splitlines()[-15:])
        raise RuntimeError(f"the peer {self.name} ended with {self.process.wait()}:\n{tail}")

    def _signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)


def take_turns(names: list[str], precision: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of each counted step of every peer."""
    seconds: dict[str, list[float]] = {name: [] for name in names}
    peers: list[Peer] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        try:
            for number, name in enumerate(names):
                folder = Path(root, str(number))
                folder.mkdir()
                peers.append(Peer(name, precision, str(folder)))
            for index in range(WARM + rounds):
                for peer in peers:
                    took = peer.step()
                    if index >= WARM:
                        seconds[peer.name].append(took)
        finally:
            for peer in peers:
                peer.end()
    return seconds
