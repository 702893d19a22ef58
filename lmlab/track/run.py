"""Tracking in MLflow that never stops a run: every call writes a line, a thread sends the lines."""

from __future__ import annotations

import getpass
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from lightning.pytorch.loggers.logger import Logger

from lmlab.track.artifact import keep, place_of
from lmlab.track.folder import Folder
from lmlab.track.points import Points
from lmlab.track.sender import Sender
from lmlab.track.store import configure, database_path, store_uri, strip_credentials

say = logging.getLogger("lmlab.track")
STATUS = {
    "success": "FINISHED",
    "finished": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
}


P = ParamSpec("P")


def quietly(
    method: Callable[Concatenate[MLflow, P], None],
) -> Callable[Concatenate[MLflow, P], None]:
    """A method of MLflow that warns once instead of raising: tracking never ends a run."""

    @wraps(method)
    def call(self: MLflow, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self._warn_once(method.__name__, error)

    return call


class MLflow(Logger):
    """A run of an MLflow store, as a Lightning logger.

    Everything logged is first a line in `<run_dir>/track/events.jsonl`, so that it survives a
    server that is away and a process that is killed; `lmlab sync` sends what was left behind.
    `run_id` continues a run; so does a `run_dir` that has events already.
    Raises: ValueError when `uri` is an address that MLflow cannot write to.
    """

    def __init__(
        self,
        *,
        uri: str | None,
        project: str,
        send_every_seconds: float,
        request_seconds: float,
        max_metrics: int,
        run_dir: Path,
        root: Path,
        name: str,
        tags: dict[str, str],
        params: dict[str, str],
        config_text: str,
        run_id: str | None,
        parent_run_id: str | None,
        note: str | None,
    ) -> None:
        super().__init__()
        self.project = project
        self._uri = store_uri(uri, root)
        self._warned: set[str] = set()
        self._ended = False
        configure(request_seconds)
        import mlflow  # noqa: F401  (now, and in this thread: it takes a second)

        self._folder = Folder(run_dir)
        self._folder.use_store(self._uri, project)
        self._sender = Sender(
            self._folder,
            uri=self._uri,
            root=root,
            project=project,
            every_seconds=send_every_seconds,
        )
        earlier = self._folder.open()
        self._points = Points(max_metrics, earlier)
        tags = tags | ({"mlflow.note.content": note} if note else {})
        self._begin(earlier, name, tags, params, run_id, parent_run_id)
        self.log_text(strip_credentials(config_text), "config.yaml")

    @quietly
    def _begin(
        self,
        earlier: list[dict[str, Any]],
        name: str,
        tags: dict[str, str],
        params: dict[str, str],
        run_id: str | None,
        parent: str | None,
    ) -> None:
        tags, resume = _clean(tags), 0
        if not any(event["type"] == "start" for event in earlier):
            key = uuid.uuid4().hex
            user = {"mlflow.user": getpass.getuser(), "mlflow.source.name": "lmlab"}
            tags = user | {"kind": "run"} | tags
            self._folder.append(
                "start", key=key, name=name, tags=tags, parent=parent, run_id=run_id
            )
            resume = 1 if run_id else 0
        else:
            resume = 1 + sum(event["type"] == "resume" for event in earlier)
        if resume:
            self._folder.append("resume", tags=tags | {"lmlab.resumes": str(resume)})
        self._folder.append("params", params=_clean(params), resume=resume)
        self._folder.record(status="running")

    # ---- what a run logs

    @quietly
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Points of one step. Values that are not finite are left out and named in a tag."""
        values, odd = self._points.take(metrics, int(step or 0))
        if values:
            self._run_again()
            self._log("metrics", step=int(step or 0), values=values)
        if odd:
            self._log("tags", tags={"lmlab.not_finite": odd})

    def log_hyperparams(self, params: Any = None, *args: Any, **kwargs: Any) -> None:
        """Nothing: the parameters were given at the start, the rest is in config.yaml."""

    @quietly
    def log_figure(self, figure: Any, path: str) -> None:
        """A matplotlib (or plotly) figure as a file of the run, such as `plots/loss.png`."""
        file = self._file(path)
        save = figure.savefig if hasattr(figure, "savefig") else figure.write_html
        save(file)
        self._append_file(file, path)

    @quietly
    def log_text(self, text: str, path: str) -> None:
        """A text as a file of the run."""
        file = self._file(path)
        file.write_text(text)
        self._append_file(file, path)

    @quietly
    def log_table(self, rows: list[dict[str, Any]], path: str) -> None:
        """Rows as a table that the run's page shows; `path` ends in .json."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        data = [[row.get(column) for column in columns] for row in rows]
        file = self._file(path)
        file.write_text(json.dumps({"columns": columns, "data": data}, default=str))
        self._append_file(file, path, table=True)

    @quietly
    def log_artifact(self, file: str | Path, path: str | None = None) -> None:
        """A file that is there already; `path` is its name in the run, its own by default."""
        path = path or Path(file).name
        self._append_file(keep(Path(file), self._folder.run_dir, self._file(path)), path)

    @quietly
    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Tags of the run; a tag that is set again changes."""
        self._log("tags", tags=_clean(tags))

    def set_note(self, markdown: str) -> None:
        """The description on the run's page."""
        self.set_tags({"mlflow.note.content": markdown})

    # ---- the end

    @quietly
    def finalize(self, status: str) -> None:
        """Say how the run ended: finished (Lightning: success), failed or interrupted."""
        self._log("status", status=STATUS.get(status, "FAILED"))
        self._ended = True
        self._folder.record(status="finished" if status == "success" else status)
        if not self._sender.flush():
            say.warning(
                "some points of this run wait in %s; `lmlab sync` sends them", self._folder.track
            )
        self._sender.close()

    def save(self) -> None:
        """Nothing to do: every call has been written already."""

    def _run_again(self) -> None:
        """A run that logs after its end (validation after fit) is running."""
        if self._ended:
            self._ended = False
            self._log("status", status="RUNNING")
            self._folder.record(status="running")

    # ---- what a run is called

    @property
    def name(self) -> str:
        """The project, as Lightning's loggers name it."""
        return self.project

    @property
    def version(self) -> str | None:
        """The run id."""
        return self.run_id

    @property
    def run_id(self) -> str | None:
        """The id in MLflow; None while the store has not been reached."""
        return self._folder.known().get("mlflow_run_id")

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(self._folder.run_dir)

    @property
    def url(self) -> str | None:
        """The run's page on a server; None for a database, which `lmlab ui` shows."""
        known = self._folder.known()
        if not self._uri.startswith("http") or not known.get("mlflow_run_id"):
            return None
        page = f"experiments/{known['experiment_id']}/runs/{known['mlflow_run_id']}"
        return f"{strip_credentials(self._uri).rstrip('/')}/#/{page}"

    @property
    def store(self) -> str:
        """Where the run is kept, for a person: an address, or a file."""
        return str(database_path(self._uri) or strip_credentials(self._uri))

    @property
    def waiting(self) -> bool:
        """Whether something logged has not reached the store yet."""
        return self._folder.size() > self._folder.sent()

    # ---- pieces

    def _log(self, kind: str, **values: Any) -> None:
        self._folder.append(kind, **values)
        self._sender.start()

    def _file(self, path: str) -> Path:
        file = self._folder.track / "files" / place_of(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _append_file(self, file: Path, path: str, table: bool = False) -> None:
        name = str(file.relative_to(self._folder.run_dir))
        self._log("file", file=name, to=str(place_of(path)), table=table)

    def _warn_once(self, what: str, error: Exception) -> None:
        if what not in self._warned:
            self._warned.add(what)
            say.warning("tracking: %s: %s", what, strip_credentials(str(error)))


def _clean(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): strip_credentials(str(value)) for key, value in values.items()}
