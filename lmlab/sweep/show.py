"""What a sweep shows: one live table on a terminal, plain lines elsewhere, the last table."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lmlab.config.origin import readable
from lmlab.sweep.folder import Entry, SweepFolder
from lmlab.sweep.local import tail
from lmlab.sweep.result import progress

LIVE_SECONDS, PLAIN_SECONDS = 0.5, 30.0
STYLES = {"finished": "green", "failed": "red", "left out": "red", "running": "bold",
          "pruned": "yellow"}  # fmt: skip


def make_show(folder: SweepFolder) -> Plain:
    """For a terminal or for a file."""
    return LiveTable(folder) if sys.stdout.isatty() else Plain(folder)


def state_of(entry: Entry) -> str:
    """finished, failed (exit code), stopped, running, waiting or left out."""
    return f"failed ({entry.code})" if entry.state == "failed" else entry.state


def label_of(entry: Entry) -> str:
    """What the job is called: its swept values, or its overrides."""
    return entry.name or " ".join(entry.overrides) or "one job"


def table(folder: SweepFolder) -> str:
    """One line a job: number, state, overrides, folder; the failed ones by name below."""
    lines = ["", f"{'job':>4}  {'state':<12} {'overrides':<40} folder"]
    for entry in folder.entries:
        run = folder.run_folder(entry)
        place = readable(run.resolve()) if run else "-"
        lines.append(f"{entry.number:>4}  {state_of(entry):<12} {label_of(entry):<40} {place}")
    failed = [f"job {e.number} ({label_of(e)})" for e in folder.entries if e.state == "failed"]
    if failed:
        lines.append(f"failed: {', '.join(failed)}")
    return "\n".join(lines)


def figures(found: dict[str, Any]) -> list[str]:
    """Loss, tokens a second and time left, as far as they are known."""
    loss, speed, left = (found.get(k) for k in ("loss_nats", "tokens_per_second", "seconds_left"))
    return [
        "" if loss is None else f"{loss:.3f}",
        "" if speed is None else f"{speed:,.0f}",
        "" if left is None else _duration(left),
    ]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


class Plain:
    """A line when a job starts and ends, and now and then one on what runs."""

    every_seconds = PLAIN_SECONDS

    def __init__(self, folder: SweepFolder) -> None:
        self.folder = folder
        self._next = time.monotonic() + self.every_seconds

    def started(self, entry: Entry) -> None:
        """Say so, with its folder."""
        run = self.folder.run_folder(entry)
        self._say(f"{self._head(entry)}: {label_of(entry)} -> {readable(run) if run else '-'}")

    def ended(self, entry: Entry, again: bool) -> None:
        """Say how; of a failure with its overrides and the last lines that it printed."""
        if entry.state != "failed":
            loss = figures(progress(self.folder.run_folder(entry)))[0]
            self._say(f"{self._head(entry)} {entry.state}" + (f", loss {loss}" if loss else ""))
            return
        words = " ".join(entry.overrides)
        more = "; it is tried again" if again else ""
        task = self.folder.task(entry)
        lines = [f"{self._head(entry)} {state_of(entry)}{more}: {words}"]
        lines += [f"  {line}" for line in tail(task.output, 5)]
        self._say("\n".join([*lines, f"  all it printed: {readable(task.output)}"]), error=True)

    def tick(self) -> None:
        """What the running jobs say, when it is time."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self.every_seconds
        self._refresh()

    def close(self) -> None:
        """Leave the terminal as it was."""

    def _refresh(self) -> None:
        for entry in self.folder.entries:
            found = progress(self.folder.run_folder(entry)) if entry.state == "running" else {}
            if found:
                loss, speed, left = figures(found)
                self._say(
                    f"{self._head(entry)}: step {found['step']}, loss {loss}, {speed} tokens/s"
                    + (f", {left} left" if left else "")
                )

    def _head(self, entry: Entry) -> str:
        return f"job {entry.number}/{self.folder.num_jobs}"

    def _say(self, text: str, error: bool = False) -> None:
        print(text, file=sys.stderr if error else sys.stdout, flush=True)


class LiveTable(Plain):
    """Job, state, loss, tokens a second and time left, in place; failures above it."""

    every_seconds = LIVE_SECONDS

    def __init__(self, folder: SweepFolder, console: Console | None = None) -> None:
        super().__init__(folder)
        self._live = Live(
            self.rows(), console=console or Console(), auto_refresh=False, transient=True
        )
        self._live.start()

    def started(self, entry: Entry) -> None:
        """The table says it."""
        self._refresh()

    def ended(self, entry: Entry, again: bool) -> None:
        """The table says it; a failure also as text above."""
        if entry.state == "failed":
            super().ended(entry, again)
        self._refresh()

    def close(self) -> None:
        """The last table comes as text."""
        self._live.stop()

    def rows(self) -> Table:
        """The table as it is now; of a long sweep the jobs that run and a few beside them."""
        made = Table(box=None, padding=(0, 1))
        for name in ("job", "state", "", "loss", "tokens/s", "left"):
            made.add_column(
                name, justify="right" if name in ("loss", "tokens/s", "left") else "left"
            )
        entries, hidden = self._shown()
        for entry in entries:
            found = progress(self.folder.run_folder(entry))
            part = f"{found['part']:.0%}" if entry.state == "running" and found else ""
            values = figures(found)
            if entry.state != "running":
                values[1:] = ["", ""]
            state = Text(f"{state_of(entry)} {part}".strip(), style=STYLES.get(entry.state, ""))
            made.add_row(
                str(entry.number), state, Text(label_of(entry), overflow="ellipsis"), *values
            )
        if hidden:
            made.add_row("", Text(f"and {hidden} more"))
        return made

    def _shown(self) -> tuple[list[Entry], int]:
        entries = self.folder.entries
        room = max(5, Console().size.height - 6)
        if len(entries) <= room:
            return entries, 0
        order = ("running", "failed", "stopped", "left out", "waiting", "pruned", "finished")
        kept = sorted(entries, key=lambda entry: order.index(entry.state))[:room]
        return sorted(kept, key=lambda entry: entry.number), len(entries) - room

    def _refresh(self) -> None:
        self._live.update(self.rows(), refresh=True)

    def _say(self, text: str, error: bool = False) -> None:
        self._live.console.print(Text(text, style="red" if error else ""))
