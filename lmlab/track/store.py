"""Where runs are kept: the address of an MLflow store, its credentials, its first creation."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from filelock import FileLock

from lmlab.track.view import experiment_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

HIDDEN = "***"
LOCK_SECONDS = 120
_USER = re.compile(r"(?<=://)[^/?#\s'\"]*@")
_SECRET_QUERY = re.compile(
    r"([?&][\w.-]*(?:pass|token|secret|key)[\w.-]*=)[^&\s'\"]+", re.IGNORECASE
)
_DATABASE = re.compile(r"^sqlite:///(?P<path>[^?]+)(?:\?(?P<query>.*))?$")


def strip_credentials(text: str) -> str:
    """`text` with the user and password of every address in it removed."""
    return _SECRET_QUERY.sub(rf"\1{HIDDEN}", _USER.sub("", text))


def store_uri(uri: str | None, root: Path) -> str:
    """The address to use: `track.uri`, else $MLFLOW_TRACKING_URI, else a database under `root`.

    Raises: ValueError for a folder of files, which MLflow no longer writes.
    """
    given = uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not given:
        return f"sqlite:///{root.resolve() / 'mlflow.db'}"
    database = _DATABASE.match(given)
    if database:
        return given.replace(database["path"], str(Path(database["path"]).resolve()), 1)
    is_folder = given.startswith("file:") or (
        "://" not in given and not given.startswith("databricks")
    )
    if is_folder and os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() not in ("1", "true"):
        name = "track.uri" if uri else "MLFLOW_TRACKING_URI"
        raise ValueError(
            f"{name}={given} is a folder of files, which MLflow no longer writes; "
            "use sqlite:///runs/mlflow.db or the address of a server"
        )
    return given


def database_path(uri: str) -> Path | None:
    """The file of an sqlite address; None for any other."""
    found = _DATABASE.match(uri)
    return Path(found["path"]) if found else None


def configure(request_seconds: float) -> None:
    """Environment of the MLflow client: no retries of its own (they would send points twice)."""
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(max(1, round(request_seconds)))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"  # it prints credentials
    for name in ("alembic", "mlflow.store.db.utils", "mlflow.tracking.fluent"):
        logging.getLogger(name).setLevel(logging.WARNING)


def connect(uri: str) -> MlflowClient:
    """A client of the store; a missing sqlite database is created first."""
    from mlflow import MlflowClient

    path = database_path(uri)
    if path is None:
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    with _only_one(path):
        if not path.exists():
            _create(path)
        patient = _with_timeout(uri)
        client = MlflowClient(tracking_uri=patient, registry_uri=patient)
        client.search_experiments(max_results=1)
    return client


def experiment_id(client: MlflowClient, project: str, uri: str, root: Path) -> str:
    """The id of the experiment called `project`, created or brought back where needed."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(project)
    if found is None:
        place = str(root.resolve() / "artifacts") if database_path(uri) else None
        try:
            return str(client.create_experiment(project, place, experiment_tags()))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(project)
            assert found is not None
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock"), timeout=LOCK_SECONDS):
        yield


def _create(path: Path) -> None:
    """Build the tables beside their place and rename: a process killed here leaves no half."""
    from mlflow import MlflowClient

    fresh = path.with_name(path.name + ".new")
    for left in path.parent.glob(fresh.name + "*"):
        left.unlink()
    MlflowClient(tracking_uri=f"sqlite:///{fresh}").search_experiments(max_results=1)
    os.replace(fresh, path)


def _with_timeout(uri: str) -> str:
    """The sqlite address with a wait of 30 s for a lock, unless it names its own."""
    head, _, query = uri.partition("?")
    return head + "?" + urlencode({"timeout": "30"} | dict(parse_qsl(query)))
