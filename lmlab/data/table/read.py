"""Files of labelled texts: tables, collections of instances, and files of one class a line each."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lmlab.data.format.rows import kind, read_hub, read_json, read_rows, read_text
from lmlab.data.table.find import Found
from lmlab.data.table.labelled import Columns, Labelled, Row


def read(found: Found, columns: Columns, split: str) -> Iterator[Labelled]:
    """Every example of a file, in its order. Raises: ValueError naming the file and the row."""
    if found.label is not None:
        assert isinstance(found.path, Path)
        for line in read_text(found.path).split("\n"):
            if line.strip():
                yield Labelled((line.strip(),), found.label)
        return
    for where, row in _rows(found.path, columns, split):
        yield from columns.labelled(row, where)


def _rows(path: Path | str, columns: Columns, split: str) -> Iterator[tuple[str, Row]]:
    if isinstance(path, str):
        yield from read_hub(path, split)
        return
    if path.is_file() and kind(path) == ".json":
        held = read_json(path)
        if isinstance(held, Mapping) and isinstance(held.get("Instances"), list):
            for number, instance in enumerate(held["Instances"], 1):
                yield f"{path} instance {number}", of_instance(instance, columns)
            return
    if path.is_file() and kind(path) == ".tsv":
        yield from _tsv(path)
        return
    yield from read_rows(path)


def of_instance(instance: Row, columns: Columns) -> dict[str, Any]:
    """An instance of Natural Instructions as columns: text and label are its input and output.

    Where an input reads `NAME: ... <line end> OTHER: ...`, and NAME and OTHER are the columns
    chosen for text and text_pair, it is split there (MNLI's sentence 1 and sentence 2 in SAPT).
    """
    whole = str(instance["input"])
    row = {"text": whole, "label": instance["output"], **instance}
    if columns.text is None or columns.pair is None:
        return row
    first, rest = f"{columns.text}:", f"\n{columns.pair}:"
    if whole.startswith(first) and rest in whole:
        head, _, tail = whole.removeprefix(first).partition(rest)
        row |= {columns.text: head, columns.pair: tail}
    return row


def _tsv(path: Path) -> Iterator[tuple[str, Row]]:
    """Quotation marks are text where every line has as many tabs as the first, as GLUE's files do."""
    lines = [line for line in read_text(path).replace("\r\n", "\n").split("\n") if line]
    plain = len({line.count("\t") for line in lines}) <= 1
    if not plain:
        yield from read_rows(path)
        return
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, row in enumerate(rows, 1):
        yield f"{path} row {number}", row
