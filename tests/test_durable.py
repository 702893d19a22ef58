"""Names and files that survive a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lmlab.durable import clean, discard, publish, replace_text, sha256, temporary


def dead_pid() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def test_sha256_of_a_known_text(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_temporary_name_stands_beside_its_target(tmp_path: Path) -> None:
    assert temporary(tmp_path / "last") == tmp_path / f".last.new.{os.getpid()}"


def test_replace_text_leaves_the_new_text_and_nothing_else(tmp_path: Path) -> None:
    replace_text(tmp_path / "last", "old\n")
    replace_text(tmp_path / "last", "new\n")
    assert [path.name for path in tmp_path.iterdir()] == ["last"]
    assert (tmp_path / "last").read_text() == "new\n"


def test_publish_replaces_a_folder_of_the_same_name(tmp_path: Path) -> None:
    for text in ("old", "new"):
        (tmp_path / "fresh").mkdir()
        (tmp_path / "fresh" / "file").write_text(text)
        publish(tmp_path / "fresh", tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (tmp_path / "target" / "file").read_text() == "new"


def test_discard_removes_the_folder(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    discard(tmp_path / "folder")
    assert not list(tmp_path.iterdir())


def test_clean_removes_what_the_dead_left_and_nothing_else(tmp_path: Path) -> None:
    dead = dead_pid()
    (tmp_path / f".step-00000007.new.{dead}").mkdir()
    (tmp_path / f".last.new.{dead}").write_text("")
    keep = [f".last.new.{os.getpid()}", "last", "notes.new.12", ".hidden"]
    for name in keep:
        (tmp_path / name).write_text("")
    assert clean(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(keep)


def test_clean_sees_that_a_process_number_was_given_again(tmp_path: Path) -> None:
    path = tmp_path / f".last.new.{os.getpid()}"
    path.write_text("")
    os.utime(path, (1.0, 1.0))
    assert clean(tmp_path) == 1


def test_clean_gives_back_the_name_of_a_folder_that_was_about_to_be_replaced(
    tmp_path: Path,
) -> None:
    (tmp_path / f".step-00000007.aside.{dead_pid()}").mkdir()
    clean(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000007"]


def test_clean_of_a_folder_that_is_not_there() -> None:
    assert clean(Path("nowhere")) == 0
