"""Brings a run's events to its MLflow store, in order, every point exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lmlab.track import store
from lmlab.track.folder import Event, Folder
from lmlab.track.post import Post

MAX_POINTS = 500  # of one request; MLflow takes 1000
_REFUSED = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "BAD_REQUEST")


class Delivery:
    """The way from one run's folder to its store; for one thread that holds the folder's lock.

    An event counts as sent once the store has answered. Points whose answer was lost, or whose
    sender may have been killed before it came, are looked up in the store before they go again.
    """

    def __init__(self, folder: Folder, *, uri: str, root: Path, project: str) -> None:
        self.folder, self.uri, self.root, self.project = folder, uri, root, project
        self.post: Post | None = None
        self.end = folder.sent()
        self.look_up_before = folder.size()
        self.num_points, self.num_files, self.refused = 0, 0, ""

    def pending(self) -> bool:
        """Whether there are events that the store does not have yet."""
        return self.folder.size() > self.end

    def send(self) -> None:
        """Send all there is. Raises: what a store that is away raises; then call it again later."""
        if self.post is None:
            self.post = self._connect()
        for events, end in self._batches():
            try:
                self._send(self.post, events, self.end < self.look_up_before)
            except Exception as error:
                if getattr(error, "error_code", None) not in _REFUSED:
                    self.look_up_before = max(self.look_up_before, end)
                    raise
                self.refused = store.strip_credentials(f"{events[0]['type']}: {error}")
            self.folder.acknowledge(end)
            self.end = end

    def _connect(self) -> Post:
        client = store.connect(self.uri)
        known = self.folder.known()
        experiment = known.get("experiment_id") or store.experiment_id(
            client, self.project, self.uri, self.root
        )
        return Post(client, experiment, known.get("mlflow_run_id"))

    def _send(self, post: Post, events: list[Event], maybe_there: bool) -> None:
        kind = events[0]["type"]
        if kind == "metrics":
            self.num_points += post.metrics(events, maybe_there)
        elif kind == "file":
            self.num_files += post.file(events[0], self.folder.run_dir / events[0]["file"])
        else:
            getattr(post, kind)(events[0])
        if kind == "start":
            self.folder.record(mlflow_run_id=post.run_id, experiment_id=post.experiment_id)

    def _batches(self) -> Iterator[tuple[list[Event], int]]:
        """Events and the byte after them: neighbouring metrics together, all others alone."""
        batch: list[Event] = []
        batch_end, points = self.end, 0
        for event, end in self.folder.read(self.end):
            size = len(event["values"]) if event["type"] == "metrics" else 0
            if batch and (not size or points + size > MAX_POINTS):
                yield batch, batch_end
                batch, points = [], 0
            if size:
                batch.append(event)
                batch_end, points = end, points + size
            else:
                yield [event], end
        if batch:
            yield batch, batch_end
