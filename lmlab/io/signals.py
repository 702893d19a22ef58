"""Being asked to stop: a handler that only takes note, read between optimizer steps."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType
from typing import Any


class Stop:
    """Whether SIGTERM, SIGINT (or, under SLURM, SIGUSR1) has asked this process to end.

    The first signal is noted and nothing else; work goes on to a point where it can be saved.
    A second one ends the process at once, with the same exit code and without saving. The same
    signal handed on by several parents within DUPLICATE_SECONDS counts as one.
    """

    DUPLICATE_SECONDS = 0.1

    def __init__(self) -> None:
        self.exit_code: int | None = None  # set once the work has been saved for the signal
        self.signal: int | None = None
        self._received_at = 0.0
        self._before: dict[int, Any] = {}

    def install(self) -> None:
        """Take over the signals; again after somebody else took them, which changes nothing else."""
        if threading.current_thread() is not threading.main_thread():
            return
        numbers = [signal.SIGTERM, signal.SIGINT]
        if "SLURM_JOB_ID" in os.environ:
            numbers.append(signal.SIGUSR1)
        for number in numbers:
            before = signal.signal(number, self._note)
            self._before.setdefault(number, before)

    def restore(self) -> None:
        """Give the signals back to whoever had them before the first `install`."""
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before.clear()

    def accept(self, number: int) -> None:
        """The work is saved: this process is to end with the exit code of that signal, 128 + it."""
        self.signal = number
        self.exit_code = 128 + number

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._received_at = number, now
        elif now - self._received_at > self.DUPLICATE_SECONDS:
            os._exit(128 + number)
