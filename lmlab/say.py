"""What data tells a person while it works: a progress bar on a terminal, one line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


def say(line: str) -> None:
    """One line to the terminal's error stream."""
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(line)


@contextmanager
def progress(what: str, total_bytes: int | None) -> Iterator[Callable[[int], None]]:
    """A function to call with every number of bytes done; the end is told with MB and MB/s."""
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    started, done = time.perf_counter(), 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total_bytes)

        def advance(num_bytes: int) -> None:
            nonlocal done
            done += num_bytes
            bar.update(task, advance=num_bytes)

        yield advance
    seconds = max(1e-3, time.perf_counter() - started)
    console.print(
        f"{what}: {done / 1e6:.1f} MB in {seconds:.1f} s, {done / 1e6 / seconds:.1f} MB/s"
    )
