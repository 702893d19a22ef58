"""Files and folders that are on the disk when a call returns, and names for those not yet complete.

A temporary name is `.<name>.<kind>.<pid>` beside its target: it is on the same file system, so one
rename publishes it, and its process id says whether somebody may still be writing it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<kind>new|aside)\.(?P<pid>\d+)")


def sync(path: Path) -> None:
    """Return when the contents of a file, or the names in a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's contents, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def temporary(target: Path, kind: str = "new") -> Path:
    """The name under which this process prepares `target` (or keeps its former self: "aside")."""
    return target.with_name(f".{target.name}.{kind}.{os.getpid()}")


def replace_text(target: Path, text: str) -> None:
    """Write a small file so that a reader finds the old text or the new one, never a part."""
    fresh = temporary(target)
    try:
        fresh.write_text(text, encoding="utf-8")
        sync(fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    sync(target.parent)


def publish(fresh: Path, target: Path) -> None:
    """Give the complete folder `fresh` its name; a folder that had the name is removed after."""
    aside = None
    if target.exists():
        aside = temporary(target, "aside")
        target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        if aside is not None:
            aside.rename(target)
        raise
    sync(target.parent)
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)


def discard(folder: Path) -> None:
    """Remove a folder; a crash midway leaves a temporary name, not half a checkpoint."""
    gone = temporary(folder)
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def clean(folder: Path) -> int:
    """Remove what dead processes left half done in `folder`; returns how many names that were."""
    found = list(folder.iterdir()) if folder.is_dir() else []
    stale = [path for path in found if _is_stale(path)]
    for path in stale:
        match = _TEMPORARY.fullmatch(path.name)
        assert match is not None
        target = path.with_name(match["name"])
        if match["kind"] == "aside" and not target.exists():
            path.rename(target)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(stale)


def _is_stale(path: Path) -> bool:
    """Whether the process that made a temporary name is gone, or its number is somebody else's."""
    match = _TEMPORARY.fullmatch(path.name)
    if match is None:
        return False
    try:
        born = psutil.Process(int(match["pid"])).create_time()
        return born > path.lstat().st_mtime + 1.0
    except psutil.NoSuchProcess:
        return True
    except (psutil.AccessDenied, FileNotFoundError):
        return False
