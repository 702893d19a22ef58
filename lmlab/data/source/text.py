"""The source `text`: the user's own files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from lmlab.data.document import Piece, Source
from lmlab.data.source.content_hash import hash_of_files, hash_of_text
from lmlab.data.source.find import PLAIN, TABLES, find_files, kind
from lmlab.data.source.read import read_file


class Text(Source):
    """Files, folders and globs: a txt, md or py file is a document, a jsonl or parquet row is one.

    Of Project Gutenberg's txt files the header and the licence are left out.
    Raises: ValueError naming data.source.paths or data.source.field and the file.
    """

    def __init__(self, *, paths: str | list[str], field: str | None) -> None:
        self.paths = [paths] if isinstance(paths, str) else paths
        self.field = field

    @cached_property
    def files(self) -> list[Path]:
        """All files, in the order in which they are read."""
        files = find_files(self.paths)
        if self.field is not None and not any(kind(path) in TABLES for path in files):
            raise ValueError(
                f"data.source.field={self.field} has no effect: no jsonl or parquet file is among "
                f"the {len(files)} of data.source.paths; leave it null"
            )
        return files

    def pieces(self) -> Iterator[Piece]:
        for path in self.files:
            yield from read_file(path, self.field or "text")

    def fingerprint(self, cache_dir: Path) -> str:
        return hash_of_text("text 1", self.field, hash_of_files(self.files, cache_dir))

    def size_bytes(self) -> int | None:
        if any(kind(path) not in PLAIN or path.suffix == ".gz" for path in self.files):
            return None
        return sum(path.stat().st_size for path in self.files)
