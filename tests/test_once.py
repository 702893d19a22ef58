"""A folder made once."""

from __future__ import annotations

import errno
import multiprocessing
from pathlib import Path

import pytest

from lmlab.once import made_once, read_meta, write_meta


def intact(folder: Path) -> bool:
    return (folder / "file").is_file()


def fill(folder: Path) -> None:
    with (folder.parent / "times").open("a") as times:
        times.write("x")
    (folder / "file").write_text("done")


def test_it_is_made_once_and_then_found(tmp_path):
    for _ in range(2):
        made_once(tmp_path / "it", "making it", intact, fill)
    assert (tmp_path / "times").read_text() == "x"
    assert (tmp_path / "it" / "file").read_text() == "done"


def test_a_damaged_folder_is_made_again(tmp_path, capsys):
    made_once(tmp_path / "it", "making it", intact, fill)
    (tmp_path / "it" / "file").unlink()
    made_once(tmp_path / "it", "making it", intact, fill)
    assert intact(tmp_path / "it")
    assert "damaged" in capsys.readouterr().err


def test_a_failure_leaves_nothing_behind(tmp_path):
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        made_once(tmp_path / "it", "making it", intact, fail)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_a_full_disk_is_told_with_the_setting(tmp_path):
    def fail(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ValueError, match="LMLAB_CACHE"):
        made_once(tmp_path / "it", "making it", intact, fail)


def test_two_processes_make_it_once(tmp_path):
    context = multiprocessing.get_context("fork")
    work = [
        context.Process(target=made_once, args=(tmp_path / "it", "making it", intact, fill))
        for _ in range(4)
    ]
    for process in work:
        process.start()
    for process in work:
        process.join()
    assert [process.exitcode for process in work] == [0] * 4
    assert (tmp_path / "times").read_text() == "x"


def test_meta_is_read_back_and_damage_is_none(tmp_path):
    assert read_meta(tmp_path) is None
    write_meta(tmp_path, {"a": 1})
    assert read_meta(tmp_path) == {"a": 1}
    (tmp_path / "meta.json").write_text("{")
    assert read_meta(tmp_path) is None
