"""A folder that is made once, whole or not at all, however many processes ask for it together."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lmlab.durable import sync
from lmlab.say import say

META = "meta.json"


def cache_dir() -> Path:
    """Where what is made once is kept: $LMLAB_CACHE or ~/.cache/lmlab."""
    return Path(os.environ.get("LMLAB_CACHE") or Path.home() / ".cache" / "lmlab")


def made_once(
    folder: Path, what: str, intact: Callable[[Path], bool], make: Callable[[Path], None]
) -> None:
    """See to it that `folder` is there and `intact`; `make` fills a folder that takes its place.

    Raises: ValueError when the disk is full.
    """
    if folder.is_dir() and intact(folder):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"waiting for another process that is {what}")
        lock.acquire()
    try:
        if folder.is_dir() and intact(folder):
            return
        if folder.exists():
            say(f"{folder} is damaged and is made again")
        _replace(folder, make)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ValueError(
            f"no space left in {folder.parent} while {what}; free some, or set the environment's "
            f"LMLAB_CACHE to a folder with more room"
        ) from error
    finally:
        lock.release()


def _replace(folder: Path, make: Callable[[Path], None]) -> None:
    """Make the new folder beside the old one, then let one rename decide."""
    new, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir()
    try:
        make(new)
        for file in new.iterdir():
            sync(file)
        sync(new)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_meta(folder: Path, meta: dict[str, Any]) -> None:
    """Record what the folder holds."""
    (folder / META).write_text(json.dumps(meta, indent=1), encoding="utf-8")


def read_meta(folder: Path) -> dict[str, Any] | None:
    """What the folder says it holds, or None when that cannot be read."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return meta if isinstance(meta, dict) else None
