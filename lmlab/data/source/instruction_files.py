"""The source `instructions`: conversations in files, or a Hugging Face data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from lmlab.data.conversation import Conversation, flaw
from lmlab.data.format.collection import (
    CANARY,
    is_collection,
    is_seed_task,
    of_collection,
    self_instruct,
    task_name,
)
from lmlab.data.format.columns import conversation_of, renamed
from lmlab.data.format.rows import HUB, find_tables, is_saved, kind, read_hub, read_json, read_rows
from lmlab.data.source.content_hash import hash_of_files, hash_of_text
from lmlab.data.source.conversations import Conversations
from lmlab.data.task.draw import number_of


class InstructionFiles(Conversations):
    """Conversations of files in any of the usual forms, split into training and validation.

    paths: files, folders, globs, or hf:NAME; columns: a file's own column names by the usual ones;
    validation_paths: files of their own to validate on; validation_tasks: names of tasks, or a file
    with one a line, that are only validated on; train_tasks: the same for training, null takes all
    others; validation_fraction: of what is left, by a hash of the prompt, so equal prompts are on one
    side. max_per_task, max_validation: at most so many, chosen by a hash; null: all.
    num_demonstrations: positive examples in a prompt of Natural Instructions; split: of the hub.
    BIG-bench files are only validated on. What cannot be used is left out and counted in `notes`.
    """

    def __init__(
        self,
        *,
        paths: str | list[str],
        columns: dict[str, str],
        validation_paths: str | list[str] | None,
        train_tasks: str | list[str] | None,
        validation_tasks: str | list[str] | None,
        validation_fraction: float,
        max_per_task: int | None,
        max_validation: int | None,
        num_demonstrations: int,
        split: str,
    ) -> None:
        if not 0 <= validation_fraction < 1:
            raise ValueError(
                f"data.source.validation_fraction={validation_fraction} must be 0 to below 1"
            )
        self.paths, self.columns, self.split = _listed(paths), columns, split
        self.validation_paths = _listed(validation_paths or [])
        self.train_tasks = task_list(train_tasks, "data.source.train_tasks")
        self.validation_tasks = task_list(validation_tasks, "data.source.validation_tasks")
        self.validation_fraction, self.max_per_task = validation_fraction, max_per_task
        self.max_validation, self.num_demonstrations = max_validation, num_demonstrations
        self.left_out: Counter[str] = Counter()

    @property
    def num_train(self) -> int | None:
        return len(self._sides[0])

    def train(self, number: int) -> Conversation:
        return self._sides[0][number]

    def validation(self) -> list[Conversation]:
        return self._sides[1]

    @cached_property
    def _sides(self) -> tuple[list[Conversation], list[Conversation]]:
        train: list[Conversation] = []
        validation: list[Conversation] = []
        for path in self._tables(self.paths, "data.source.paths"):
            for each, only_evaluated in self._usable(path):
                side = self._side(each, only_evaluated)
                if side is not None:
                    (validation if side else train).append(each)
        for path in self._tables(self.validation_paths, "data.source.validation_paths"):
            validation += [each for each, _ in self._usable(path)]
        train = limited(train, self.max_per_task)
        validation = limited(validation, self.max_per_task)
        return train, spread(validation, self.max_validation)

    def _tables(self, paths: list[str], setting: str) -> list[Path | str]:
        hub = [path for path in paths if path.startswith(HUB)]
        files = [path for path in paths if not path.startswith(HUB)]
        return [*hub, *(find_tables(files, setting) if files else [])]

    def _side(self, each: Conversation, only_evaluated: bool) -> bool | None:
        """True: validation, False: training, None: neither."""
        if only_evaluated or each.task in (self.validation_tasks or ()):
            return True
        if self.train_tasks is not None and each.task not in self.train_tasks:
            return None
        text = "\x1f".join(turn.text for turn in each.prompt)
        return number_of("validation 1", text) < self.validation_fraction * 2**64

    def _usable(self, path: Path | str) -> Iterator[tuple[Conversation, bool]]:
        for each, only_evaluated in self._read(path):
            why = flaw(each.turns)
            if why is None:
                yield each, only_evaluated
            else:
                self.left_out[why] += 1

    def _read(self, path: Path | str) -> Iterator[tuple[Conversation, bool]]:
        """Every conversation of a table, and whether it may only be evaluated on."""
        if isinstance(path, Path) and not is_saved(path) and kind(path) == ".json":
            held = read_json(path)
            if is_collection(held):
                for each in of_collection(path, held, self.num_demonstrations):
                    yield each, CANARY in held
                return
        rows = read_hub(path, self.split) if isinstance(path, str) else read_rows(path)
        name = path if isinstance(path, str) else task_name(path)
        for where, row in rows:
            if is_seed_task(row):
                yield from ((each, False) for each in self_instruct(row, where))
            else:
                yield conversation_of(renamed(row, self.columns, where), where, name), False

    def fingerprint(self, cache_dir: Path) -> str:
        settings: list[object] = [self.columns, self.train_tasks, self.validation_tasks, self.split]
        settings += [self.validation_fraction, self.max_per_task, self.max_validation]
        prints = []
        for paths in (self.paths, self.validation_paths):
            for path in self._tables(paths, "data.source.paths"):
                if isinstance(path, str):
                    prints.append(hash_of_text(*(each.text for each in self._sides[0])))
                else:
                    files = sorted(path.rglob("*")) if path.is_dir() else [path]
                    files = [each for each in files if each.is_file()]
                    prints.append(task_name(path) + hash_of_files(files, cache_dir))
        return hash_of_text("instructions 1", *settings, self.num_demonstrations, *prints)

    def notes(self) -> list[str]:
        train, validation = self._sides
        tasks = [len({each.task for each in side}) for side in (train, validation)]
        lines = [
            f"{len(train)} conversations of {tasks[0]} tasks to train on, {len(validation)} of "
            f"{tasks[1]} to validate on"
        ]
        return lines + [f"{number} left out: {why}" for why, number in self.left_out.items()]


def _listed(paths: str | list[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)


def task_list(tasks: str | list[str] | None, setting: str) -> list[str] | None:
    """Names of tasks: a list, or the lines of a file. Raises: ValueError for a file not there."""
    if tasks is None or isinstance(tasks, list):
        return tasks
    path = Path(tasks).expanduser()
    if not path.is_file():
        raise ValueError(f"{setting}={tasks} is no file; give a list of names or such a file")
    return path.read_text(encoding="utf-8").split()


def _rank(each: Conversation) -> int:
    return number_of("rank 1", each.task, each.text)


def limited(examples: list[Conversation], most: int | None) -> list[Conversation]:
    """At most `most` of every task, those with the lowest hash, in their order."""
    if most is None:
        return examples
    by_task: dict[str, list[int]] = {}
    for index, each in enumerate(examples):
        by_task.setdefault(each.task, []).append(index)
    kept = {
        index
        for indices in by_task.values()
        for index in sorted(indices, key=lambda index: _rank(examples[index]))[:most]
    }
    return [each for index, each in enumerate(examples) if index in kept]


def spread(examples: list[Conversation], most: int | None) -> list[Conversation]:
    """At most `most`, as evenly over the tasks as they reach."""
    if most is None or len(examples) <= most:
        return examples
    low, high = 1, most
    while low < high:  # the largest share of a task that does not exceed `most`
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(limited(examples, middle)) <= most else (low, middle - 1)
    even = limited(examples, low)
    return sorted(even, key=_rank)[:most] if len(even) > most else even
