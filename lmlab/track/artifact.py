"""Files on their way to the store, kept in the run's folder until then."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath


def place_of(path: str) -> PurePosixPath:
    """A file's name in the run. Raises: ValueError for a name that leads out of it."""
    place = PurePosixPath(path)
    if place.is_absolute() or ".." in place.parts or not place.name or "\0" in path:
        raise ValueError(f"{path!r} is no name for a file of a run; use one such as plots/loss.png")
    return place


def keep(file: Path, run_dir: Path, copy: Path) -> Path:
    """The file itself where the run's folder has it under this name; otherwise a copy."""
    if file.resolve().is_relative_to(run_dir.resolve()) and file.name == copy.name:
        return run_dir / file.resolve().relative_to(run_dir.resolve())
    shutil.copyfile(file, copy)
    return copy
