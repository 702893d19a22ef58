"""What the tests of tracking share: a run to log with, a real server, a wire that can be cut."""

from __future__ import annotations

import math
import random
import selectors
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from lmlab.track import ui
from lmlab.track.run import MLflow
from lmlab.track.store import configure, connect


class Wire:
    """A TCP proxy to a port, whose connections can be cut and that can refuse new ones."""

    def __init__(self, port: int) -> None:
        self.target = ("127.0.0.1", port)
        self.broken = False
        self.hanging = False  # connections are accepted, but nothing comes through
        self.deaf = False  # requests come through, answers do not
        self._pairs: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection ends now, in the middle of what it carries; new ones are closed."""
        self.broken = True
        for end in self._pairs:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._pairs.clear()

    def mend(self) -> None:
        """New connections come through again."""
        self.broken = self.hanging = False

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            if self.broken:
                near.close()
                continue
            try:
                far = socket.create_connection(self.target)
            except OSError:
                near.close()
                continue
            self._pairs += [near, far]
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as both, near, far:
            both.register(near, selectors.EVENT_READ, far)
            both.register(far, selectors.EVENT_READ, near)
            try:
                while True:
                    for key, _ in both.select():
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not data:
                            return
                        if not self.hanging and not (self.deaf and key.fileobj is far):
                            key.data.sendall(data)
            except (OSError, ValueError):
                return


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """One MLflow server for all tests: its address and the folder of its store."""
    root = tmp_path_factory.mktemp("served")
    address = f"sqlite:///{root / 'mlflow.db'}"
    configure(10)
    connect(address)
    with ui.server(address, root, 0) as (_, place):
        yield place, root


@pytest.fixture
def wire(served: tuple[str, Path]) -> Iterator[Wire]:
    """A wire of its own to the server."""
    wire = Wire(int(served[0].rsplit(":", 1)[1]))
    yield wire
    wire.cut()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without runs: to copy is quicker than to create."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    configure(10)
    connect(f"sqlite:///{path}")
    return path


@pytest.fixture
def root(tmp_path: Path, empty_store: Path) -> Path:
    """A folder of runs with a database."""
    root = tmp_path / "runs"
    root.mkdir()
    shutil.copy(empty_store, root / "mlflow.db")
    return root


@pytest.fixture
def client(root: Path) -> MlflowClient:
    """A client of the store in `root`."""
    return connect(f"sqlite:///{root / 'mlflow.db'}")


def start_run(root: Path, **changes: Any) -> MLflow:
    """A tracked run; `changes` are the tracker's keywords."""
    name = changes.get("name", "first")
    keys: dict[str, Any] = {
        "uri": None,
        "project": "lmlab",
        "send_every_seconds": 0.1,
        "request_seconds": 2.0,
        "max_metrics": 40,
        "run_dir": root / name,
        "root": root,
        "name": name,
        "tags": {"arch": "gpt_tiny"},
        "params": {"seed": "0"},
        "config_text": "seed: 0\n",
        "run_id": None,
        "parent_run_id": None,
        "note": None,
    }
    return MLflow(**(keys | changes))


def pretend_to_train(
    run: MLflow, *, final_bits: float, num_steps: int = 500, seed: int = 0
) -> None:
    """Curves such as a small language model gives, with the names of the real metrics."""
    noise = random.Random(seed)
    for step in range(0, num_steps + 1, 10):
        tokens = step * 8192
        loss = final_bits * 2.1 + 6.0 * math.exp(-step / 90) + noise.gauss(0, 0.03)
        warmup = min(1.0, step / 20)
        run.log_metrics(
            {
                "train/loss_nats": loss,
                "train/grad_norm": 0.4 + 2 * math.exp(-step / 60) + abs(noise.gauss(0, 0.05)),
                "train/learning_rate": 1e-3 * warmup * (0.55 + 0.45 * math.cos(3.14 * step / 500)),
                "progress/tokens": tokens,
                "progress/flops": tokens * 6 * 1.3e6,
                "speed/tokens_per_second": 41_000 + noise.gauss(0, 900),
                "speed/model_flop_utilization": 0.31 + noise.gauss(0, 0.01),
            },
            step,
        )
        if step and step % 125 in range(10):
            bits = loss * 0.36 / math.log(2) * 0.96
            values = {"val/loss_nats": loss * 1.02, "val/perplexity": math.exp(loss * 1.02)}
            run.log_metrics(values | {"val/bits_per_byte": bits}, step)
