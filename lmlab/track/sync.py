"""`lmlab sync`: sends what runs could not send while their server was away."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from filelock import Timeout

from lmlab.track.deliver import Delivery
from lmlab.track.folder import Folder
from lmlab.track.store import configure, database_path, store_uri, strip_credentials


def sync_all(
    place: Path, *, say: Callable[[str], None] = print, request_seconds: float = 10.0
) -> int:
    """Send everything left behind by the run in `place`, or by all runs under it.

    Prints a line per run; returns how many could not be sent.
    Raises: ValueError where there are no runs.
    """
    folders = find(place)
    if not folders:
        raise ValueError(
            f"{place} has no tracked runs; name a run's folder or the folder of all runs"
        )
    configure(request_seconds)
    failed = 0
    for run_dir in folders:
        ok, text = _sync_run(run_dir, request_seconds)
        failed += not ok
        say(f"{run_dir.name}: {text}")
    return failed


def find(place: Path) -> list[Path]:
    """Folders of runs with events, sweeps last: their table needs the children."""
    here = [place] if (place / "track" / "events.jsonl").exists() else []
    found = here or [events.parents[1] for events in place.glob("**/track/events.jsonl")]
    return sorted(found, key=lambda run_dir: (_is_sweep(run_dir), run_dir.name))


def _is_sweep(run_dir: Path) -> bool:
    first = next((event for event, _ in Folder(run_dir).read(0)), {})
    return first.get("tags", {}).get("kind") == "sweep"


def _sync_run(run_dir: Path, patience: float) -> tuple[bool, str]:
    """Whether all is sent, and what to say. A run that just ended may be in its last try."""
    folder = Folder(run_dir)
    is_running = folder.known().get("status") == "running"
    try:
        with folder.lock.acquire(timeout=0 if is_running else patience + 1):
            return _send(folder)
    except Timeout:
        return True, "is running and sends its points itself"


def _send(folder: Folder) -> tuple[bool, str]:
    _end_if_killed(folder)
    known = folder.known()
    uri = address(known["store"], folder.run_dir)
    root = folder.run_dir.parent
    delivery = Delivery(folder, uri=uri, root=root, project=known["project"])
    if not delivery.pending():
        return True, "everything was sent already"
    try:
        delivery.send()
    except Exception as error:
        name = strip_credentials(uri)
        return False, f"{name} does not answer ({type(error).__name__}); nothing is lost"
    text = f"{delivery.num_points} points and {delivery.num_files} files sent"
    return True, text + (f"; refused {delivery.refused[:200]}" if delivery.refused else "")


def _end_if_killed(folder: Folder) -> None:
    """A run that no process holds any more and that never said how it ended was killed."""
    if folder.known().get("status") == "running" and not _is_sweep(folder.run_dir):
        folder.open()
        folder.append("status", status="KILLED")
        folder.record(status="killed")


def address(store: str, run_dir: Path) -> str:
    """The full address of the store in run.json: with the credentials of the environment."""
    given = os.environ.get("MLFLOW_TRACKING_URI", "")
    if given and strip_credentials(given) == store:
        return given
    path = database_path(store)
    if path is not None and not path.is_absolute():
        return store_uri(f"sqlite:///{run_dir.resolve().parent / path}", run_dir.parent)
    return store
