"""Reading one text file of any known kind as documents, a little at a time."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lmlab.data.document import PIECE_CHARS, Piece, pieces_of
from lmlab.data.source.find import kind
from lmlab.data.source.gutenberg import books


def read_file(path: Path, field: str) -> Iterator[Piece]:
    """The documents of a file: one, or one a row; `field` is the column of a jsonl or parquet file.

    Raises: ValueError naming the file, and the line where there is one.
    """
    if kind(path) == ".jsonl":
        for row in _json_rows(path, field):
            yield from pieces_of([row])
    elif kind(path) == ".parquet":
        for row in _parquet_rows(path, field):
            yield from pieces_of([row])
    elif kind(path) == ".txt":
        yield from books(pieces_of(_chunks(path)))
    else:
        yield from pieces_of(_chunks(path))


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked; what is wrong with them is told with the file's name."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield file  # type: ignore[misc]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"data.source.paths: {path} is not a whole gzip file ({error})") from error
    except PermissionError as error:
        raise ValueError(f"data.source.paths: {path} may not be read by this user") from error


@contextmanager
def _text(path: Path) -> Iterator[io.TextIOWrapper]:
    """UTF-8 without its byte order mark, every line end as one newline."""
    with _opened(path) as file:
        try:
            yield io.TextIOWrapper(file, encoding="utf-8-sig", newline=None)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"data.source.paths: {path} is not UTF-8 (byte {error.object[error.start]:#04x}: "
                f"{error.reason}); convert it, as with: iconv -f LATIN1 -t UTF-8"
            ) from error


def _chunks(path: Path) -> Iterator[str]:
    with _text(path) as text:
        while chunk := text.read(PIECE_CHARS):
            yield chunk


def _json_rows(path: Path, field: str) -> Iterator[str]:
    with _text(path) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _json_row(line, field, f"{path}:{number}")


def _json_row(line: str, field: str, where: str) -> str:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"data.source.paths: {where} is not JSON: {error}") from error
    is_object = isinstance(row, dict)
    if not is_object:
        raise ValueError(f"data.source.paths: {where} is not an object but {type(row).__name__}")
    if isinstance(row.get(field), str):
        return row[field]
    raise ValueError(
        _no_field(field, where, [k for k, v in row.items() if isinstance(v, str)], row)
    )


def _no_field(field: str, where: str, texts: list[str], row: Any) -> str:
    kind_of = f"is {type(row[field]).__name__}, not text" if field in row else "is missing"
    there = f"text is in {', '.join(texts)}" if texts else "no field there holds text"
    return f"data.source.field={field} {kind_of} in {where}; {there}"


def _parquet_rows(path: Path, field: str) -> Iterator[str]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    with _opened(path) as packed, tempfile.TemporaryFile() as unpacked:
        if path.suffix == ".gz":
            shutil.copyfileobj(packed, unpacked, 1 << 20)
        try:
            table = pq.ParquetFile(unpacked if path.suffix == ".gz" else packed)
        except pa.ArrowInvalid as error:
            raise ValueError(f"data.source.paths: {path} is not a parquet file: {error}") from error
        texts = [item.name for item in table.schema_arrow if _is_text(pa, item.type)]
        if field not in texts:
            row = dict.fromkeys(table.schema_arrow.names)
            raise ValueError(_no_field(field, str(path), texts, row))
        for batch in table.iter_batches(batch_size=256, columns=[field]):
            yield from (value for value in batch.column(0).to_pylist() if value)


def _is_text(pa: Any, kind_of: Any) -> bool:
    return bool(pa.types.is_string(kind_of) or pa.types.is_large_string(kind_of))
