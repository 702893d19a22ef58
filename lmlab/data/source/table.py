"""The source `table`: labelled texts in files, or of a Hugging Face data set."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path

from lmlab.data.source.content_hash import hash_of_files, hash_of_text
from lmlab.data.source.labelled import LabelledSource, in_order, say_classes
from lmlab.data.table.find import Found, find
from lmlab.data.table.labelled import Columns, Labelled
from lmlab.data.table.read import read
from lmlab.data.task.draw import number_of


class Table(LabelledSource):
    """Labelled texts of csv, tsv, json, jsonl, parquet, of one file a class, or hf:NAME.

    paths: files, folders, globs, or a mapping of classes to files with a text a line;
    text, text_pair, label, choices: names of columns; label null, with choices: the first is right;
    several columns of text: each holds texts of the class that it is named after.
    labels: the classes in order, null: those of the training examples; leave_out: labels that mean
    none. validation_paths: files of their own, null: validation_fraction of the examples, by a hash of
    their texts, so that equal texts are on one side. max_train: at most so many, by hash too.
    What is left out, and texts that stand on both sides, are counted in `notes`.
    """

    def __init__(
        self,
        *,
        paths: str | list[str] | dict[str, str],
        validation_paths: str | list[str] | dict[str, str] | None,
        text: str | list[str] | None,
        text_pair: str | None,
        label: str | None,
        choices: str | list[str] | None,
        labels: list[str] | None,
        leave_out: list[str],
        validation_fraction: float,
        max_train: int | None,
        max_validation: int | None,
        split: str,
        seed: int,
    ) -> None:
        if not 0 < validation_fraction < 1:
            raise ValueError(
                f"data.source.validation_fraction={validation_fraction} must be above 0, below 1"
            )
        self.paths, self.validation_paths, self.split = paths, validation_paths, split
        self.columns = _columns(text, text_pair, label, choices)
        self.given_labels, self.leave_out = labels, leave_out
        self.validation_fraction, self.seed = validation_fraction, seed
        self.max_train, self.max_validation = max_train, max_validation
        self.left_out: Counter[str] = Counter()

    def train(self) -> list[Labelled]:
        return self._sides[0]

    def validation(self) -> list[Labelled]:
        return self._sides[1]

    @cached_property
    def labels(self) -> list[str]:  # type: ignore[override]
        """As given, or those of the training examples, numbers by size, else by letters."""
        if self.columns.choices:
            return []
        return self.given_labels or in_order([each.label for each in self.train()])

    @cached_property
    def _files(self) -> tuple[list[Found], list[Found]]:
        train = find(self.paths, "data.source.paths")
        if self.validation_paths is None:
            return train, []
        return train, find(self.validation_paths, "data.source.validation_paths")

    @cached_property
    def _sides(self) -> tuple[list[Labelled], list[Labelled]]:
        train = self._read(self._files[0])
        validation = self._read(self._files[1])
        if not self._files[1]:
            limit = self.validation_fraction * 2**64
            held = [self._rank("validation", each) < limit for each in train]
            validation = [each for each, out in zip(train, held, strict=True) if out]
            train = [each for each, out in zip(train, held, strict=True) if not out]
        return self._first(train, self.max_train), self._first(validation, self.max_validation)

    def _read(self, files: list[Found]) -> list[Labelled]:
        examples = []
        for found in files:
            for each in read(found, self.columns, self.split):
                why = self._flaw(each)
                if why:
                    self.left_out[why] += 1
                else:
                    examples.append(each)
        return examples

    def _flaw(self, example: Labelled) -> str:
        """Why an example is of no use; empty: it is of use."""
        if not any(example.content):
            return "no text"
        if example.choices:
            return ""
        if not example.label or example.label in self.leave_out:
            return f"label {example.label!r}"
        if self.given_labels is not None and example.label not in self.given_labels:
            return f"label {example.label!r} is not in data.source.labels"
        return ""

    def _rank(self, purpose: str, example: Labelled) -> int:
        return number_of(
            f"classification {purpose} 1", self.seed, *(example.row or example.content)
        )

    def _first(self, examples: list[Labelled], most: int | None) -> list[Labelled]:
        if most is None or len(examples) <= most:
            return examples
        chosen = sorted(range(len(examples)), key=lambda n: self._rank("few", examples[n]))[:most]
        return [examples[index] for index in sorted(chosen)]

    def fingerprint(self, cache_dir: Path) -> str:
        settings: list[object] = [self.columns, self.given_labels, self.leave_out, self.split]
        settings += [self.validation_fraction, self.max_train, self.max_validation, self.seed]
        prints = []
        for files in self._files:
            for found in files:
                if isinstance(found.path, str):
                    prints.append(hash_of_text(*(each.content for each in self.train())))
                    continue
                inside = sorted(found.path.rglob("*")) if found.path.is_dir() else [found.path]
                inside = [each for each in inside if each.is_file()]
                prints.append(f"{found.label} {hash_of_files(inside, cache_dir)}")
            prints.append("|")
        return hash_of_text("classification 1", *settings, *prints)

    def notes(self) -> list[str]:
        train, validation = self._sides
        lines = [] if self.columns.choices else [say_classes(train, self.labels)]
        lines += [f"{number} left out: {why}" for why, number in self.left_out.items()]
        known = {each.content: each.label for each in train}
        both = [each for each in validation if each.content in known]
        if both:
            other = sum(known[each.content] != each.label for each in both)
            lines.append(
                f"{len(both)} of {len(validation)} validation texts are in the training data too"
                + (f", {other} of them with another label" if other else "")
            )
        return lines


def _columns(
    text: str | list[str] | None,
    pair: str | None,
    label: str | None,
    choices: str | list[str] | None,
) -> Columns:
    chosen = [choices] if isinstance(choices, str) else list(choices or [])
    if isinstance(text, list):
        given = {"text_pair": pair, "label": label, "choices": choices}
        wrong = [name for name, value in given.items() if value is not None]
        if wrong or len(text) < 2:
            what = f"data.source.{wrong[0]} has no effect" if wrong else "one column is one class"
            raise ValueError(
                f"data.source.text={text} makes each column a class: {what}; set "
                f"data.source.{wrong[0] if wrong else 'text'}={'null' if wrong else 'COLUMN'}"
            )
        return Columns(None, None, None, (), tuple(text))
    if pair is not None and chosen:
        raise ValueError(
            f"data.source.text_pair={pair} has no effect with data.source.choices; set it to null"
        )
    for name, value in {"text": text, "label": label}.items():
        if value is None and not chosen:
            raise ValueError(f"data.source.{name}=null needs data.source.choices; name its column")
    return Columns(text, pair, label, tuple(chosen))
