"""The thread that sends: how long it is waited for."""

from __future__ import annotations

import logging
import socket
import time
from pathlib import Path

import pytest

from lmlab.track.folder import Folder
from lmlab.track.sender import Sender


def away(path: Path, uri: str) -> Sender:
    folder = Folder(path)
    folder.open()
    sender = Sender(folder, uri=uri, root=path, project="lmlab", every_seconds=0.01)
    folder.append("start", key="k", name="n", tags={}, parent=None, run_id=None)
    sender.start()
    return sender


def test_a_server_that_refuses_is_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sender = away(tmp_path, "http://me:canary@127.0.0.1:9")
    begin = time.perf_counter()
    with caplog.at_level(logging.WARNING):
        assert not sender.flush() and not sender.flush()
    assert time.perf_counter() - begin < 2.0
    assert "canary" not in caplog.text and caplog.text.count("does not answer") == 1
    sender.close()


def test_a_server_that_is_silent_is_waited_for_under_two_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sender = away(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        begin = time.perf_counter()
        assert not sender.flush()
        assert time.perf_counter() - begin < 2.0
        sender.close()


def test_a_closed_sender_leaves_the_folder_to_others(tmp_path: Path) -> None:
    sender = away(tmp_path, "http://127.0.0.1:9")
    sender.flush()
    sender.close()
    with Folder(tmp_path).lock.acquire(timeout=10):
        pass
