"""`lmlab ui`: this machine only."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from lmlab.track import ui
from tests.track.conftest import start_run

ROOT = Path(__file__).resolve().parents[2]


def status(url: str, host: str | None = None, body: dict[str, object] | None = None) -> int:
    headers = {"Host": host} if host else {}
    data = None if body is None else json.dumps(body).encode()
    if data:
        headers["Content-Type"] = "application/json"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as page:
            return int(page.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_foreign_host_header_is_refused(served: tuple[str, Path]) -> None:
    place, search = served[0], f"{served[0]}/ajax-api/2.0/mlflow/experiments/search?max_results=1"
    number = place.rsplit(":", 1)[1]
    assert status(place) == status(search) == 200
    assert status(place, f"localhost:{number}") == status(search, f"127.0.0.1:{number}") == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "10.0.0.1", f"evil.example:{number}"):
        assert status(search, host) == status(place, host) == 403


def test_jobs_and_the_assistant_are_off(served: tuple[str, Path]) -> None:
    job: dict[str, object] = {"function_fullname": "os.system", "params": "{}"}
    assert status(f"{served[0]}/ajax-api/3.0/jobs/", body=job) == 404
    assert status(f"{served[0]}/ajax-api/3.0/mlflow/jobs/search", body={}) == 404
    assert status(f"{served[0]}/ajax-api/3.0/mlflow/assistant/config") == 404


def test_it_listens_on_this_machine_only(served: tuple[str, Path]) -> None:
    number = int(served[0].rsplit(":", 1)[1])
    me = psutil.Process()
    listening = [
        link.laddr.ip
        for process in [me, *me.children(recursive=True)]
        for link in process.net_connections("tcp")
        if link.status == psutil.CONN_LISTEN and link.laddr.port == number
    ]
    assert listening == ["127.0.0.1"]


def test_another_host_is_refused_with_the_reason(root: Path) -> None:
    with pytest.raises(ValueError, match=r"0\.0\.0\.0: the page has no password.* ssh -L"):
        ui.serve(root, host="0.0.0.0")


def test_no_runs_yet(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are no runs yet"):
        ui.serve(tmp_path)


def test_a_store_on_a_server_is_named_without_its_password(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ui.serve(root, uri="http://me:canary@host:5000") == 0
    out = capsys.readouterr().out
    assert "http://host:5000" in out and "canary" not in out


def test_ctrl_c_ends_it_and_a_taken_port_is_no_hindrance(root: Path) -> None:
    start_run(root).finalize("finished")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # A process that a script started in the background was told to ignore Ctrl-C.
        code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        code += f"from lmlab.track import ui; print(ui.serve(ui.Path({str(root)!r}), {port}))"
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(3)]
    servers = psutil.Process(process.pid).children(recursive=True)
    assert "/runs?viewStateShareKey=lmlab" in lines[0] and f":{port}/" not in lines[0]
    assert lines[1].startswith("from another machine: ssh -L ")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0 and servers
    psutil.wait_procs(servers, timeout=10)
    assert not any(server.is_running() for server in servers)
