"""The source `task_labels`: questions of generated tasks; what kind of task it is, is the label."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.source.labelled import LabelledSource, in_order, say_classes
from lmlab.data.table.labelled import Labelled
from lmlab.data.task.catalog import catalog, example


class TaskLabels(LabelledSource):
    """Questions in plain words, of all tasks in turn.

    label: the task's category, or the number of words of the question; num_train, num_validation: examples; max_depth: steps of the tasks that have several, at most.
    No question that is trained on is validated on.
    """

    def __init__(
        self,
        *,
        label: Literal["category", "words"],
        num_train: int,
        num_validation: int,
        max_depth: int,
        seed: int,
    ) -> None:
        if num_train < 1 or num_validation < 1 or max_depth < 1:
            raise ValueError(
                f"data.source.num_train={num_train}, data.source.num_validation={num_validation} and "
                f"data.source.max_depth={max_depth} must be 1 or more"
            )
        self.label = label
        self.num_train, self.num_validation = num_train, num_validation
        self.max_depth, self.seed = max_depth, seed

    def train(self) -> list[Labelled]:
        return self._train

    @cached_property
    def _train(self) -> list[Labelled]:
        return [self._example(number) for number in range(self.num_train)]

    @cached_property
    def _validation(self) -> list[Labelled]:
        known = {each.texts for each in self.train()}
        found: list[Labelled] = []
        number = self.num_train
        while len(found) < self.num_validation and number < self.num_train + 1_000_000:
            each = self._example(number)
            found += [each] if each.texts not in known else []
            number += 1
        return found

    def validation(self) -> list[Labelled]:
        return self._validation

    def _example(self, number: int) -> Labelled:
        names = list(catalog())
        task = names[number % len(names)]
        place = number // len(names)
        asked = example(task, place, seed=self.seed, max_depth=self.max_depth)
        text = asked.prompt[-1].text
        return Labelled(
            (text,), asked.category if self.label == "category" else str(len(text.split()))
        )

    @cached_property
    def labels(self) -> list[str]:  # type: ignore[override]
        return in_order([each.label for each in self.train()])

    def fingerprint(self, cache_dir: Path) -> str:
        settings = (self.label, self.num_train, self.num_validation, self.max_depth, self.seed)
        return hash_of_text("task labels 1", *settings)

    def notes(self) -> list[str]:
        return [say_classes(self.train(), self.labels)]
