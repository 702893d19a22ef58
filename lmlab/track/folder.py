"""What a run's folder remembers of its tracking: its ids, its events, how many were sent.

`<run>/run.json` the ids and the status; `<run>/track/events.jsonl` everything the run logged, one
event a line, numbered from 1; `<run>/track/sent.json` up to where the store has it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from lmlab.track.store import database_path, strip_credentials

Event = dict[str, Any]


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write and rename, so that neither a reader nor a crash ever meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with fresh.open("w") as file:
        file.write(json.dumps(record, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def read_json(path: Path) -> dict[str, Any]:
    """The record, or {} where there is none that can be read."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def run_id_of(run_dir: Path) -> str | None:
    """The MLflow run id of a run's folder; None while its server has not been reached."""
    return read_json(run_dir / "run.json").get("mlflow_run_id")


class Folder:
    """The tracking files of one run. One process appends; whoever holds `lock` sends."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.track = run_dir / "track"
        self.events = self.track / "events.jsonl"
        self.lock = FileLock(self.track / "sender.lock", thread_local=False)
        self._appending, self._recording = threading.Lock(), threading.Lock()
        self._last, self._torn = 0, False

    def open(self) -> list[Event]:
        """Make ready to append: returns the events so far; a line cut short by a crash is ended."""
        self.track.mkdir(parents=True, exist_ok=True)
        events = [event for event, _ in self.read(0)]
        self._last = max((int(event["n"]) for event in events), default=0)
        if self.size():
            with self.events.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                self._torn = file.read(1) != b"\n"
        return events

    def append(self, kind: str, **values: Any) -> None:
        """Add one event; the operating system has it when this returns. Raises: OSError."""
        with self._appending:
            event = {"n": self._last + 1, "ms": int(time.time() * 1000), "type": kind, **values}
            data = (("\n" if self._torn else "") + json.dumps(event) + "\n").encode()
            self._torn = True
            with self.events.open("ab", buffering=0) as file:
                if file.write(data) != len(data):
                    raise OSError(f"{self.events}: the disk took only a part of a line")
            self._last, self._torn = self._last + 1, False

    def read(self, start: int) -> Iterator[tuple[Event, int]]:
        """Events from byte `start` on, each with the byte after it; torn lines are left out."""
        if not self.events.exists():
            return
        with self.events.open("rb") as file:
            file.seek(start)
            for line in file:
                start += len(line)
                if not line.endswith(b"\n"):
                    return
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                yield event, start

    def size(self) -> int:
        """Bytes of events so far."""
        return self.events.stat().st_size if self.events.exists() else 0

    def sent(self) -> int:
        """How many bytes of the events the store has acknowledged."""
        return int(read_json(self.track / "sent.json").get("bytes", 0))

    def acknowledge(self, end: int) -> None:
        """Remember durably that the store has every event before byte `end`."""
        write_json(self.track / "sent.json", {"bytes": end})

    # ---- run.json

    def known(self) -> dict[str, Any]:
        """The ids and the status, as far as they are known."""
        return read_json(self.run_dir / "run.json")

    def record(self, **changes: Any) -> None:
        """Change keys of run.json; the others stay."""
        with self._recording:
            write_json(self.run_dir / "run.json", self.known() | changes)

    def use_store(self, uri: str, project: str) -> None:
        """Say which store the run belongs to; in another than before, it starts as a new run."""
        name = self.store_name(uri)
        if self.known().get("store", name) != name:
            self.acknowledge(0)
            self.record(mlflow_run_id=None, experiment_id=None)
        self.record(store=name, project=project)

    def store_name(self, uri: str) -> str:
        """The address in run.json: without credentials; a database beside the run by its name."""
        path = database_path(uri)
        if path is not None and path.parent == self.run_dir.resolve().parent:
            return f"sqlite:///{path.name}"
        return strip_credentials(uri)
