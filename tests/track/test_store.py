"""The address of a store, and its first creation by many processes at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lmlab.track import store

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("http://me:canary@host:5000/x", "http://host:5000/x"),
        ("postgresql://me:can@ary@host/db?sslmode=a", "postgresql://host/db?sslmode=a"),
        ("https://canary@host", "https://host"),
        ("call of http://me:canary@host/api failed", "call of http://host/api failed"),
        ("http://host/?token=canary&x=1", "http://host/?token=***&x=1"),
        ("sqlite:////runs/mlflow.db", "sqlite:////runs/mlflow.db"),
    ],
)
def test_credentials_are_stripped(text: str, stripped: str) -> None:
    assert store.strip_credentials(text) == stripped


def test_the_store_is_the_setting_then_the_environment_then_the_folder_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.store_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert store.store_uri(None, tmp_path) == "http://server:5000"
    monkeypatch.chdir(tmp_path)
    assert store.store_uri("sqlite:///a/b.db", tmp_path) == f"sqlite:///{tmp_path}/a/b.db"


def test_a_folder_of_files_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"track.uri=\./mlruns .* sqlite:///"):
        store.store_uri("./mlruns", tmp_path)


_EIGHT_TOGETHER = """
import os, sys
from pathlib import Path
from lmlab.track import store
store.configure(10)
import mlflow.store.tracking.sqlalchemy_store

def one(root):
    uri = store.store_uri(None, root)
    client = store.connect(uri)
    client.create_run(store.experiment_id(client, "lmlab", uri, root))

good = 0
for turn in range(5):
    gate, opener = os.pipe()
    started = []
    for _ in range(8):
        started.append(os.fork())
        if not started[-1]:
            os.close(opener)
            os.read(gate, 1)  # until all eight are there
            try:
                one(Path(sys.argv[1]) / str(turn))
                os._exit(0)
            except BaseException as error:
                print(error, file=sys.stderr, flush=True)
                os._exit(1)
    os.close(gate)
    os.close(opener)
    good += sum(os.waitpid(process, 0)[1] == 0 for process in started)
print(good)
"""


def test_eight_processes_on_a_fresh_store_all_get_their_run(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _EIGHT_TOGETHER, str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout == "40\n", done.stderr[-2000:]
    for turn in range(5):
        with sqlite3.connect(tmp_path / str(turn) / "mlflow.db") as database:
            assert database.execute("select count(*) from runs").fetchone() == (8,)
            names = database.execute("select name from experiments").fetchall()
        assert sorted(names) == [("Default",), ("lmlab",)]


def test_a_process_killed_while_it_made_the_tables_leaves_no_half(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db.new").write_bytes(b"half a database")
    client = store.connect(f"sqlite:///{tmp_path}/mlflow.db")
    assert client.search_experiments()
    assert not list(tmp_path.glob("*.new*"))


def test_a_deleted_project_comes_back(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = store.connect(uri)
    first = store.experiment_id(client, "lmlab", uri, tmp_path)
    client.delete_experiment(first)
    assert store.experiment_id(client, "lmlab", uri, tmp_path) == first
    assert client.get_experiment(first).artifact_location == str(tmp_path / "artifacts")
