"""Tracking of a run that is over when it is told: no Lightning, all events at once, then sent."""

from __future__ import annotations

import getpass
import json
import uuid
from pathlib import Path
from typing import Any

from lmlab.track.artifact import place_of
from lmlab.track.folder import Folder
from lmlab.track.sender import Sender
from lmlab.track.store import configure, store_uri, strip_credentials


class Brief:
    """A run whose figures are known: written to `<run_dir>/track`, then sent to the store."""

    def __init__(self, run_dir: Path, root: Path, uri: str | None, project: str) -> None:
        self._uri, self._root, self._project = store_uri(uri, root), root, project
        self.folder = Folder(run_dir)
        self.folder.use_store(self._uri, project)
        self._known = any(event["type"] == "start" for event in self.folder.open())

    def start(
        self, name: str, tags: dict[str, str], params: dict[str, str], parent: str | None
    ) -> None:
        """What the run is; a run that was begun before goes on as the same."""
        user = {"mlflow.user": getpass.getuser(), "mlflow.source.name": "lmlab", "kind": "run"}
        if not self._known:
            cleaned = user | _clean(tags)
            key = uuid.uuid4().hex
            self.folder.append(
                "start", key=key, name=name, tags=cleaned, parent=parent, run_id=None
            )
            self.folder.append("params", params=_clean(params), resume=0)
        else:
            self.folder.append("resume", tags=_clean(tags))
        self.folder.record(status="running")

    def metrics(self, values: dict[str, float]) -> None:
        """Numbers at step 0."""
        self.folder.append("metrics", step=0, values=values)

    def tags(self, tags: dict[str, str]) -> None:
        """Tags; `mlflow.note.content` is the text of the run's page."""
        self.folder.append("tags", tags=_clean(tags))

    def file(self, file: Path, path: str) -> None:
        """A file of the run's folder, called `path` in the run."""
        name = str(file.relative_to(self.folder.run_dir))
        self.folder.append("file", file=name, to=str(place_of(path)), table=False)

    def table(self, rows: list[dict[str, Any]], path: str) -> None:
        """Rows of equal keys as a table that the run's page shows; `path` ends in .json."""
        file = self.folder.track / "files" / place_of(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        data = {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}
        file.write_text(json.dumps(data, default=str))
        name = str(file.relative_to(self.folder.run_dir))
        self.folder.append("file", file=name, to=str(place_of(path)), table=True)

    def end(self, status: str, request_seconds: float = 10.0) -> bool:
        """Say how it ended (finished or failed) and send everything; whether the store has it."""
        self.folder.append("status", status={"finished": "FINISHED"}.get(status, "FAILED"))
        self.folder.record(status=status)
        configure(request_seconds)
        sender = Sender(
            self.folder, uri=self._uri, root=self._root, project=self._project, every_seconds=1.0
        )
        sender.start()
        done = sender.flush()
        sender.close()
        return done


def _clean(values: dict[str, str]) -> dict[str, str]:
    return {str(key): strip_credentials(str(value)) for key, value in values.items()}
