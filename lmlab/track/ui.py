"""`lmlab ui`: the MLflow page of this project's runs, for this machine alone."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lmlab.track.page import HOST
from lmlab.track.store import configure, connect, database_path, store_uri, strip_credentials
from lmlab.track.view import page_of_newest_project

START_SECONDS = 120


def serve(root: Path, port: int = 5000, host: str = HOST, uri: str | None = None) -> int:
    """Show the store until Ctrl-C; returns the exit code.

    Raises: ValueError for a host other than 127.0.0.1, or where there are no runs.
    """
    _check_host(host)
    address = store_uri(uri, root)
    if database_path(address) is None:
        print(f"this project's runs are on a server: {strip_credentials(address)}")
        return 0
    _check_store(address, root)
    try:
        with server(address, root, port) as (process, place):
            _say_where(page_of_newest_project(connect(address), place), place)
            return process.wait()
    except KeyboardInterrupt:
        return 0


def _say_where(page: str, place: str) -> None:
    number, user = place.rsplit(":", 1)[1], getpass.getuser()
    print(f"MLflow: {page}")
    print(f"from another machine: ssh -L {number}:{HOST}:{number} {user}@{socket.gethostname()}")
    print("Ctrl-C ends it", flush=True)


@contextmanager
def server(address: str, root: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running MLflow server and its address; ended, with all its processes, on the way out.

    The port is `port`, or a free one where that is taken. Raises: ValueError if it cannot start.
    """
    port = free_port(port)
    place = f"http://{HOST}:{port}"
    process = subprocess.Popen(
        command(address, root, port), env=environment(), process_group=0, stdin=subprocess.DEVNULL
    )
    stop = signal.signal(signal.SIGTERM, _interrupt) if _in_main_thread() else None
    try:
        _wait_until_up(process, place)
        yield process, place
    finally:
        if stop is not None:
            signal.signal(signal.SIGTERM, stop)
        end(process)


def command(address: str, root: Path, port: int) -> list[str]:
    """The server's command line."""
    artifacts = str(root.resolve() / "artifacts")
    return [sys.executable, "-m", "lmlab.track.page", address, artifacts, str(port)]


def environment() -> dict[str, str]:
    """The server's environment: nothing of a run in progress, and lmlab where Python finds it."""
    dropped = {"MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_BACKEND_STORE_URI"}
    dropped |= {"MLFLOW_DEPLOYMENTS_TARGET"}  # would forward requests to it
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    paths = [str(Path(__file__).resolve().parents[2]), kept.get("PYTHONPATH", "")]
    return kept | {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONWARNINGS": "ignore",
    }


def free_port(wanted: int) -> int:
    """`wanted` where it is free, otherwise one that is."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ValueError(f"no free port on {HOST}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop the server and what it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _check_host(host: str) -> None:
    if host not in (HOST, "localhost"):
        raise ValueError(
            f"host {host}: the page has no password, so it is served on {HOST} only; "
            f"from another machine use ssh -L 5000:{HOST}:5000 USER@THIS_MACHINE"
        )


def _check_store(address: str, root: Path) -> None:
    path = database_path(address)
    if path is not None and not path.exists():
        raise ValueError(f"{path} does not exist: there are no runs yet under {root}")
    configure(30)


def _wait_until_up(process: subprocess.Popen[bytes], place: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{place}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ValueError(f"the MLflow server did not start on {place}; its messages are above")


def _in_main_thread() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
