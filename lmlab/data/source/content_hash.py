"""Hashes of what files contain; a large file is read again only after it changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

# Smaller files are hashed faster than a kept hash is looked up.
KEPT_FROM_BYTES = 1 << 22


def hash_of_text(*parts: object) -> str:
    """A hash of settings and other hashes."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


def hash_of_file(path: Path, cache_dir: Path) -> str:
    """sha256 of a file's bytes; kept under cache_dir by path, size and time of change."""
    stat = path.stat()
    if stat.st_size < KEPT_FROM_BYTES:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    known = hash_of_text(path.resolve(), stat.st_size, stat.st_mtime_ns)
    kept = cache_dir / "hashes" / known
    try:
        value = kept.read_text(encoding="ascii")
        if len(value) == 64:
            return value
    except OSError:
        pass
    with path.open("rb") as file:
        value = hashlib.file_digest(file, "sha256").hexdigest()
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}")
    partial.write_text(value, encoding="ascii")
    partial.replace(kept)
    return value


def hash_of_files(paths: Iterable[Path], cache_dir: Path) -> str:
    """One hash of many files in their order; names enter only by their suffixes."""
    return hash_of_text(*((path.suffixes[-2:], hash_of_file(path, cache_dir)) for path in paths))
