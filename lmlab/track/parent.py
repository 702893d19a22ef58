"""The parent run of a sweep. Imports no torch: the process that launches a sweep has none."""

from __future__ import annotations

import uuid
from pathlib import Path

from lmlab.track.folder import Folder, read_json
from lmlab.track.post import PENDING
from lmlab.track.sender import Sender
from lmlab.track.store import configure, store_uri, strip_credentials


def start_parent(
    *,
    folder: Path,
    root: Path,
    uri: str | None,
    project: str,
    name: str,
    tags: dict[str, str],
    note: str,
    request_seconds: float = 10.0,
) -> str:
    """Open the parent run of a sweep; its children are given what this returns.

    That is its run id, or a name that stands for it while the server is away. `folder` is the
    sweep's own; called again on the same folder (a sweep that goes on), it is the same run.
    """
    uri = store_uri(uri, root)
    configure(request_seconds)
    place = Folder(folder)
    place.use_store(uri, project)
    sender = _sender(place, uri, root, project)
    starts = [event for event in place.open() if event["type"] == "start"]
    key = starts[0]["key"] if starts else uuid.uuid4().hex
    if starts:
        place.append("status", status="RUNNING")
    else:
        tags = {"kind": "sweep", **tags, "mlflow.note.content": strip_credentials(note)}
        place.append("start", key=key, name=name, tags=tags, parent=None, run_id=None)
    place.record(status="running")
    _send(sender)
    return place.known().get("mlflow_run_id") or PENDING + key


def finish_parent(
    *,
    folder: Path,
    root: Path,
    uri: str | None,
    status: str,
    intro: str = "",
    note: str | None = None,
    tags: dict[str, str] | None = None,
    files: tuple[str, ...] = (),
    metrics: dict[str, float] | None = None,
) -> bool:
    """Close a sweep's parent: its note becomes `intro` and a table of its children, or `note`.

    status: finished, failed or interrupted; files: of `folder`, kept as artifacts; a .json of
    columns and data among them is shown as a table; metrics: of the sweep as a whole, at step 0.
    Returns whether the store has all of it.
    """
    place = Folder(folder)
    known: dict[str, float] = {}
    for event in place.open():
        known |= event["values"] if event["type"] == "metrics" else {}
    ends = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
    place.append("summary", intro=strip_credentials(intro))  # also tags the best child
    for name in files:
        place.append("file", file=name, to=name, table=_is_table(folder / name))
    new = {name: value for name, value in (metrics or {}).items() if known.get(name) != value}
    if new:
        place.append("metrics", step=0, values=new)
    said = {} if note is None else {"mlflow.note.content": strip_credentials(note)}
    if tags or said:
        cleaned = {key: strip_credentials(value) for key, value in (tags or {}).items()}
        place.append("tags", tags=cleaned | said)
    place.append("status", status=ends.get(status, "FAILED"))
    place.record(status=status)
    project = place.known()["project"]
    return _send(_sender(place, store_uri(uri, root), root, project))


def _is_table(path: Path) -> bool:
    return path.suffix == ".json" and {*read_json(path)} == {"columns", "data"}


def _sender(place: Folder, uri: str, root: Path, project: str) -> Sender:
    return Sender(place, uri=uri, root=root, project=project, every_seconds=1.0)


def _send(sender: Sender) -> bool:
    sender.start()
    done = sender.flush()
    sender.close()
    return done
