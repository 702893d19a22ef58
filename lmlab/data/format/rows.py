"""Rows of any table: jsonl, json, csv, parquet, each also with .gz, or a Hugging Face data set."""

from __future__ import annotations

import csv
import glob
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

KINDS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
HUB = "hf:"
# What a folder has that the package `datasets` saved.
SAVED = ("dataset_info.json", "dataset_dict.json", "state.json")

Row = Mapping[str, Any]


def kind(path: Path) -> str:
    """`.jsonl` for a.jsonl and a.jsonl.gz."""
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def find_tables(paths: list[str], setting: str) -> list[Path]:
    """Files named, and those in folders and globs, in order; data sets that `datasets` saved whole.

    Raises: ValueError for a path that is not there or has no table.
    """
    found: dict[Path, None] = {}
    for text in paths:
        path = Path(text).expanduser()
        if is_saved(path):
            files = [path]
        elif path.is_dir():
            files = sorted(each for each in path.rglob("*") if kind(each) in KINDS)
        elif path.is_file():
            files = [path]
        else:
            files = [Path(each) for each in sorted(glob.glob(str(path), recursive=True))]
        files = [each for each in files if is_saved(each) or kind(each) in KINDS]
        if not files:
            raise ValueError(
                f"{setting}={text}: there is no {', '.join(KINDS)} (each also with .gz) and no saved "
                f"data set; {HUB}NAME names one of the Hugging Face hub"
            )
        found |= dict.fromkeys(files)
    return list(found)


def is_saved(path: Path) -> bool:
    """Whether a folder was written by `save_to_disk` of the package `datasets`."""
    return path.is_dir() and any((path / name).is_file() for name in SAVED)


def read_text(path: Path) -> str:
    """A whole text file, unpacked, without a byte order mark. Raises: ValueError naming it."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file ({error})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error.reason} at byte {error.start})") from error


def read_json(path: Path) -> Any:
    """What a json file holds. Raises: ValueError naming it."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def read_rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Every row with where it stands. Raises: ValueError naming the file and the line."""
    if is_saved(path):
        yield from _numbered(path, _saved(path, None))
    elif kind(path) == ".jsonl":
        yield from _json_lines(path)
    elif kind(path) in (".csv", ".tsv"):
        csv.field_size_limit(min(sys.maxsize, 1 << 31))
        lines = io.StringIO(read_text(path), newline="")
        yield from _numbered(path, csv.DictReader(lines, delimiter=_delimiter(path)))
    elif kind(path) == ".parquet":
        yield from _numbered(path, _parquet(path))
    else:
        yield from _numbered(path, _listed(path, read_json(path)))


def _delimiter(path: Path) -> str:
    return "\t" if kind(path) == ".tsv" else ","


def _numbered(path: Path, rows: Any) -> Iterator[tuple[str, Row]]:
    for number, row in enumerate(rows, 1):
        is_object = isinstance(row, Mapping)
        if not is_object:
            raise ValueError(f"{path}: row {number} is not an object but {type(row).__name__}")
        yield f"{path} row {number}", row


def _json_lines(path: Path) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{where} is not JSON: {error}") from error
        is_object = isinstance(row, Mapping)
        if not is_object:
            raise ValueError(f"{where} is not an object but {type(row).__name__}")
        yield where, row


def _listed(path: Path, held: Any) -> list[Any]:
    """The rows of a json file: a list, or the only list of an object."""
    if isinstance(held, list):
        return held
    lists = [value for value in held.values() if isinstance(value, list)] if held else []
    if len(lists) == 1:
        return lists[0]
    raise ValueError(f"{path} holds no list of rows; its keys are {', '.join(held)}")


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    try:
        table = pq.ParquetFile(io.BytesIO(data))
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is not a parquet file: {error}") from error
    for batch in table.iter_batches(batch_size=1024):
        yield from batch.to_pylist()


def _saved(path: Path, split: str | None) -> Any:
    found = _datasets().load_from_disk(str(path))
    if not isinstance(found, dict):
        return found
    name = split or ("train" if "train" in found else next(iter(found)))
    return found[name]


def read_hub(name: str, split: str) -> Iterator[tuple[str, Row]]:
    """Rows of `hf:NAME` or `hf:NAME/CONFIG` after a second slash. Code of a data set is never run."""
    parts = name.removeprefix(HUB).split("/")
    config = "/".join(parts[2:]) or None
    try:
        rows = _datasets().load_dataset("/".join(parts[:2]), config, split=split)
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{name} could not be loaded: {first}") from error
    yield from _numbered(Path(name), rows)


def _datasets() -> Any:
    try:
        import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise ValueError(
            "Hugging Face data sets need the package datasets: pip install 'lmlab[hf]'"
        ) from error
    datasets.disable_progress_bars()
    return datasets
