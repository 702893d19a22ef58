"""The source `stdlib`: the Python standard library, real text that every machine has."""

from __future__ import annotations

import hashlib
import math
import os
import sysconfig
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from lmlab.data.document import Piece, Source
from lmlab.data.source.content_hash import hash_of_files, hash_of_text
from lmlab.data.source.read import read_file

OTHER = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}


class Stdlib(Source):
    """The .py files of the running Python's standard library, a file a document; no tests.

    Files come in the order of a hash of their names, so any first part is a fair sample.
    Units: max_mb in millions of bytes; null takes all, about 12.
    """

    def __init__(self, *, max_mb: float | None) -> None:
        if max_mb is not None and max_mb <= 0:
            raise ValueError(f"data.source.max_mb={max_mb} must be above 0; null takes all")
        self.max_mb = max_mb

    @cached_property
    def files(self) -> list[Path]:
        """As many files as fit into max_mb, at least one."""
        root = Path(sysconfig.get_path("stdlib"))
        named = sorted(
            (hashlib.sha256(path.relative_to(root).as_posix().encode()).digest(), path)
            for path in _python_files(root)
            if path.stat().st_size
        )
        if not named:
            raise ValueError(
                f"data=stdlib found no .py file under {root}; take data=text data.source.paths=FOLDER"
            )
        files: list[Path] = []
        room = math.inf if self.max_mb is None else self.max_mb * 1e6
        for _, path in named:
            room -= path.stat().st_size
            if files and room < 0:
                break
            files.append(path)
        return files

    def pieces(self) -> Iterator[Piece]:
        for path in self.files:
            yield from read_file(path, "text")

    def fingerprint(self, cache_dir: Path) -> str:
        return hash_of_text("stdlib 1", hash_of_files(self.files, cache_dir))

    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files)


def _python_files(root: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if name not in OTHER]
        yield from (Path(folder, name) for name in names if name.endswith(".py"))
