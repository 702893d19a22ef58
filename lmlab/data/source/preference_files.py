"""The source `preferences`: comparisons in files, or a Hugging Face data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from lmlab.data.comparison import Comparison, fault
from lmlab.data.format.columns import renamed
from lmlab.data.format.preference import comparison_of
from lmlab.data.format.rows import HUB, find_tables, read_hub, read_rows
from lmlab.data.source.comparisons import Comparisons
from lmlab.data.source.content_hash import hash_of_files, hash_of_text
from lmlab.data.task.draw import number_of


class PreferenceFiles(Comparisons):
    """Comparisons of files in any of the usual forms, split into training and validation.

    paths, columns, split: as of InstructionFiles; validation_paths: files to validate on;
    held_out_labellers: whose comparisons are only validated on; validation_fraction: of the others,
    by a hash of the first turn, so one opening is on one side; max_validation: at most so many.
    What cannot be used is left out and counted in `notes`.
    """

    def __init__(
        self,
        *,
        paths: str | list[str],
        columns: dict[str, str],
        validation_paths: str | list[str] | None,
        held_out_labellers: list[str],
        validation_fraction: float,
        max_validation: int | None,
        split: str,
    ) -> None:
        if not 0 <= validation_fraction < 1:
            raise ValueError(
                f"data.source.validation_fraction={validation_fraction} must be 0 to below 1"
            )
        self.paths = [paths] if isinstance(paths, str) else paths
        of_validation = validation_paths or []
        self.validation_paths = [of_validation] if isinstance(of_validation, str) else of_validation
        self.columns, self.split = columns, split
        self.held_out_labellers = held_out_labellers
        self.validation_fraction, self.max_validation = validation_fraction, max_validation
        self.left_out: Counter[str] = Counter()

    def train(self) -> list[Comparison]:
        return self._sides[0]

    def validation(self) -> list[Comparison]:
        return self._sides[1]

    @cached_property
    def _sides(self) -> tuple[list[Comparison], list[Comparison]]:
        train: list[Comparison] = []
        validation: list[Comparison] = []
        for each in self._usable(self.paths, "data.source.paths"):
            (validation if self._is_held_out(each) else train).append(each)
        validation += self._usable(self.validation_paths, "data.source.validation_paths")
        self._check_labellers(validation)
        if self.max_validation is not None:
            validation = sorted(validation, key=lambda each: number_of("rank 1", each.text))
            validation = validation[: self.max_validation]
        return train, validation

    def _is_held_out(self, each: Comparison) -> bool:
        opening = each.prompt[0].text
        share = number_of("validation 1", opening) / 2**64
        return each.labeller in self.held_out_labellers or share < self.validation_fraction

    def _check_labellers(self, validation: list[Comparison]) -> None:
        there = {each.labeller for each in validation}
        for name in self.held_out_labellers:
            if name not in there:
                raise ValueError(
                    f"data.source.held_out_labellers names {name!r}, who labelled nothing here"
                )

    def _usable(self, paths: list[str], setting: str) -> Iterator[Comparison]:
        for table in self._tables(paths, setting):
            rows = read_hub(table, self.split) if isinstance(table, str) else read_rows(table)
            for where, row in rows:
                each = comparison_of(renamed(row, self.columns, where), where)
                why = fault(each)
                if why is None:
                    yield each
                else:
                    self.left_out[why] += 1

    def _tables(self, paths: list[str], setting: str) -> list[Path | str]:
        files = [path for path in paths if not path.startswith(HUB)]
        hub = [path for path in paths if path.startswith(HUB)]
        return [*hub, *(find_tables(files, setting) if files else [])]

    def fingerprint(self, cache_dir: Path) -> str:
        settings = [self.columns, self.held_out_labellers, self.validation_fraction]
        prints = []
        for paths in (self.paths, self.validation_paths):
            for path in self._tables(paths, "data.source.paths"):
                if isinstance(path, str):
                    prints.append(hash_of_text(*(each.text for each in self.train())))
                else:
                    inside = sorted(path.rglob("*")) if path.is_dir() else [path]
                    files = [each for each in inside if each.is_file()]
                    prints.append(hash_of_files(files, cache_dir))
        return hash_of_text("preferences 1", *settings, self.max_validation, self.split, *prints)

    def notes(self) -> list[str]:
        train, validation = self._sides
        lines = [f"{len(train)} comparisons to train on, {len(validation)} to validate on"]
        return lines + [f"{number} left out: {why}" for why, number in self.left_out.items()]
