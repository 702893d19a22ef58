"""Checkpoint folders: written whole, verified, found, retained; on full disks and after damage."""

from __future__ import annotations

import errno
import logging
import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lmlab import durable
from lmlab.io import checkpoint
from lmlab.io.checkpoint import (
    CheckpointError,
    all_of,
    find_good,
    point_to,
    retain,
    step_of,
    survey,
    verify,
    write,
)
from lmlab.io.checkpoint_io import FolderCheckpointIO
from tests.io.tiny import saved


def put(text: str) -> Callable[[Path], None]:
    def writer(path: Path) -> None:
        path.write_text(text)

    return writer


def small(folder: Path, step: int, text: str = "hello") -> Path:
    target = folder / f"step-{step:08d}"
    write(target, {"a.txt": put(text), "b.txt": put("x")}, step=step, versions={"lmlab": "1"})
    return target


def test_a_small_checkpoint_by_hand(tmp_path: Path) -> None:
    target = small(tmp_path, 500, "abc")
    assert sorted(path.name for path in target.iterdir()) == ["a.txt", "b.txt", "manifest.json"]
    assert verify(target) == {
        "step": 500,
        "versions": {"lmlab": "1"},
        "files": {
            "a.txt": {
                "bytes": 3,
                "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            },
            "b.txt": {
                "bytes": 1,
                "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
            },
        },
    }


def test_step_of_a_name() -> None:
    assert step_of(Path("runs/a/checkpoints/step-00000500")) == 500
    assert step_of(Path("step-123456789")) == 123456789
    with pytest.raises(CheckpointError, match="not named like a checkpoint"):
        step_of(Path("epoch=3"))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / "manifest.json").unlink(), "no manifest.json"),
        (lambda f: (f / "a.txt").unlink(), "a.txt is missing"),
        (lambda f: (f / "a.txt").write_text("hell"), "4 bytes instead of 5"),
        (lambda f: (f / "a.txt").write_text("jello"), "a.txt have changed"),
        (lambda f: (f / "manifest.json").write_text("{}"), "manifest.json is damaged"),
        (lambda f: (f / "manifest.json").write_text("[1"), "manifest.json is damaged"),
    ],
)
def test_what_verify_says(tmp_path: Path, harm: Callable[[Path], Any], message: str) -> None:
    target = small(tmp_path, 1)
    harm(target)
    with pytest.raises(CheckpointError, match=message):
        verify(target)


def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    target = small(tmp_path, 1)
    body = verify(target) | {"files": {"../secret": {"bytes": 1, "sha256": ""}}}
    (target / "manifest.json").write_text(checkpoint._sealed(body))
    with pytest.raises(CheckpointError, match="damaged"):
        verify(target)


def test_a_failing_file_leaves_nothing_and_says_how_much_is_free(tmp_path: Path) -> None:
    def full(path: Path) -> None:
        path.write_text("part")
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "step-00000001"
    with pytest.raises(CheckpointError) as caught:
        write(target, {"a": put("a"), "b": full}, step=1, versions={}, num_bytes=12_345)
    assert not list(tmp_path.iterdir())
    text = str(caught.value)
    assert str(target) in text and "No space left" in text
    assert "needs about 12,345 bytes" in text and "bytes are free" in text


def test_writing_a_step_again_replaces_it(tmp_path: Path) -> None:
    small(tmp_path, 1, "old")
    target = small(tmp_path, 1, "new")
    assert (target / "a.txt").read_text() == "new" and verify(target)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_find_good_takes_the_newest(tmp_path: Path) -> None:
    for step in (5, 100, 20):
        small(tmp_path / "checkpoints", step)
    assert find_good(tmp_path) == tmp_path / "checkpoints" / "step-00000100"


def test_find_good_passes_over_damage_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (small(tmp_path / "checkpoints", step) for step in (1, 2))
    (second / "a.txt").write_text("jello")
    with caplog.at_level(logging.WARNING):
        assert find_good(tmp_path) == first
    assert "a.txt have changed" in caplog.text and str(first) in caplog.text
    good, damaged = survey(tmp_path / "checkpoints")
    assert good == first and list(damaged) == [second]


def test_find_good_without_any(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        find_good(tmp_path)
    (small(tmp_path / "checkpoints", 1) / "a.txt").unlink()
    with pytest.raises(CheckpointError, match=r"undamaged(.|\n)*a.txt is missing"):
        find_good(tmp_path)


def test_going_back_removes_what_came_later(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    for step in (10, 20, 30, 40):
        point_to(small(folder, step))
    assert find_good(tmp_path, at_most_step=25, remove_later=True) == folder / "step-00000020"
    assert [step_of(path) for path in all_of(folder)] == [20, 10]
    assert (folder / "last").read_text() == "step-00000020\n"
    assert find_good(tmp_path, at_most_step=5, remove_later=True) is None
    assert not list(folder.iterdir())


def test_retention_keeps_the_newest_and_touches_nothing_else(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        small(tmp_path, step)
    other = small(tmp_path / "other", 1)
    (tmp_path / "step-00000000").symlink_to(other)
    (tmp_path / "notes").mkdir()
    retain(tmp_path, 2)
    assert [step_of(path) for path in all_of(tmp_path)] == [4, 3]
    assert verify(other) and (tmp_path / "notes").is_dir()
    with pytest.raises(ValueError, match=r"checkpoint\.keep=0"):
        retain(tmp_path, 0)


def test_there_is_a_valid_checkpoint_at_every_instant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R10: before and after each change of the folder; also when a step is written again."""
    instants = 0

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal instants
            instants += 1
            assert survey(tmp_path)[0] is not None
            result = function(*arguments, **keywords)
            assert survey(tmp_path)[0] is not None
            return result

        return call

    small(tmp_path, 1)
    for name in ("rename", "replace", "fsync"):
        monkeypatch.setattr(durable.os, name, watched(getattr(os, name)))
    monkeypatch.setattr(durable.shutil, "rmtree", watched(shutil.rmtree))
    for step in (2, 3, 3, 4):
        point_to(small(tmp_path, step, f"again {step}"))
        retain(tmp_path, 2)
    assert instants > 40


def damage(path: Path, numbers: random.Random, cut: bool) -> None:
    raw = bytearray(path.read_bytes())
    place = numbers.randrange(len(raw))
    if cut:
        del raw[place:]
    else:
        raw[place] ^= 1 << numbers.randrange(8)
    path.write_bytes(raw)


@pytest.mark.parametrize("cut", [True, False], ids=["truncated", "one_bit"])
def test_100_damages_are_all_seen_before_use(
    tmp_path: Path, cut: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """R9."""
    first, second = (saved(tmp_path / "checkpoints", step) for step in (1, 2))
    whole = {path: path.read_bytes() for path in second.iterdir()}
    numbers, seen = random.Random(0), 0
    for _ in range(100):
        damage(numbers.choice(sorted(whole)), numbers, cut)
        with pytest.raises(CheckpointError):
            FolderCheckpointIO().load_checkpoint(second)
        seen += find_good(tmp_path) == first
        for path, raw in whole.items():
            path.write_bytes(raw)
    assert seen == 100 and find_good(tmp_path) == second


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    """Sets how many bytes a file may have: the kernel then refuses as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_20_refused_writes_leave_the_previous_checkpoint(
    tmp_path: Path, file_size_limit: Callable[[int], None]
) -> None:
    """R8 with the kernel's limit on file size, which needs no rights."""
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    first = saved(tmp_path, 1, num_values=5000)
    largest = max(path.stat().st_size for path in first.iterdir())
    for offset in random.Random(0).sample(range(largest), 20):
        file_size_limit(offset)
        try:
            with pytest.raises(CheckpointError, match="cannot write checkpoint"):
                saved(tmp_path, 2, num_values=5000)
        finally:
            file_size_limit(unlimited)
        assert FolderCheckpointIO().load_checkpoint(first)["global_step"] == 1
        assert {path.name for path in tmp_path.iterdir()} == {first.name, "last"}


@pytest.fixture
def three_megabytes(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB, where this user may mount one."""
    place = tmp_path / "small_disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        done = False
    if not done:
        pytest.skip("may not mount a small file system here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_20_full_disks_leave_the_previous_checkpoint(three_megabytes: Path) -> None:
    """R8 on a real full disk."""
    folder = three_megabytes / "checkpoints"
    first = saved(folder, 1, num_values=100_000)
    size = sum(path.stat().st_size for path in first.iterdir())
    filler = three_megabytes / "filler"
    for offset in random.Random(0).sample(range(size), 20):
        filler.write_bytes(bytes(shutil.disk_usage(three_megabytes).free - offset))
        with pytest.raises(
            CheckpointError, match=r"needs about 800,\d+ bytes, [\d,]+ bytes are free"
        ):
            saved(folder, 2, num_values=100_000)
        assert FolderCheckpointIO().load_checkpoint(first)["global_step"] == 1
        assert {path.name for path in folder.iterdir()} == {first.name, "last"}
        filler.unlink()
    assert verify(saved(folder, 2, num_values=100_000))
