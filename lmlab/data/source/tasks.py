"""The source `tasks`: generated text tasks, without end."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from lmlab.data.conversation import Conversation, Turn
from lmlab.data.rates import chosen, rates
from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.source.conversations import Conversations
from lmlab.data.task.answers import worse
from lmlab.data.task.catalog import catalog, example, known
from lmlab.data.task.catalog import categories as all_categories
from lmlab.data.task.draw import Draw, number_of

VERSION = "tasks 1"
# How often a question that is kept for validation is drawn anew: tasks of few questions have an end.
TRIES = 16


class GeneratedTasks(Conversations):
    """Examples of the tasks of `lmlab.data.task`, some of them held out.

    form: how a task is asked for; tasks, categories: those to use, null takes all; held_out_tasks,
    held_out_categories: never trained on; num_tasks: how many of the others are trained on, null
    takes all; weights: relative shares by task, 1 for those not named; max_depth: steps of a task of
    several steps; answer_noise: how often a training answer is a worse one (a typo, words too many or
    too few, a refusal, something else), as demonstrations of people are, 0..1; num_documents: examples that are read as text, to pretrain or to make a tokenizer
    of; num_validation: validation examples, of trained and held-out tasks in turn; seed.
    Source: rows S0-14, S0-18 (number of tasks), S1-28, S1-30.
    """

    def __init__(
        self,
        *,
        form: Literal["label", "prefix", "instruction"],
        tasks: list[str] | None,
        categories: list[str] | None,
        held_out_tasks: list[str],
        held_out_categories: list[str],
        num_tasks: int | None,
        weights: dict[str, float],
        max_depth: int,
        answer_noise: float,
        num_documents: int,
        num_validation: int,
        seed: int,
    ) -> None:
        for name, value in (
            ("max_depth", max_depth),
            ("num_documents", num_documents),
            ("num_validation", num_validation),
        ):
            if value < 1:
                raise ValueError(f"data.source.{name}={value} must be 1 or more")
        if not 0 <= answer_noise <= 1:
            raise ValueError(f"data.source.answer_noise={answer_noise} must be 0..1")
        used = _used(tasks, categories)
        self.held_out = _held_out(used, held_out_tasks, held_out_categories)
        left = [name for name in used if name not in self.held_out]
        self.trained = _first(left, num_tasks, seed)
        known(weights, "data.source.weights", self.trained)
        sizes = {name: weights.get(name, 1.0) for name in self.trained}
        self.shares = rates(sizes)
        self.form, self.max_depth, self.seed = form, max_depth, seed
        self.answer_noise = answer_noise
        self.num_documents, self.num_validation = num_documents, num_validation

    @property
    def num_train(self) -> int | None:
        return None

    def train(self, number: int) -> Conversation:
        """Example `number`: the task is drawn too; a validation question is drawn anew."""
        task = chosen(self.shares, Draw(number_of("which task 1", self.seed, number)).unit())
        for attempt in range(TRIES):
            made = self._example(task, 2 * (TRIES * number + attempt))
            if made.prompt[0].text not in self._validation:
                break
        draw = Draw(number_of("answer noise 1", self.seed, number))
        if not draw.chance(self.answer_noise):
            return made
        shown = Turn("assistant", worse(made.response, draw))
        return replace(made, turns=(*made.prompt, shown), references=made.accepted)

    def validation(self) -> list[Conversation]:
        return list(self._validation.values())

    @cached_property
    def _validation(self) -> dict[str, Conversation]:
        """As many of every task, trained and held out; the same question is asked once."""
        names = sorted({*self.trained, *self.held_out})
        found: dict[str, Conversation] = {}
        for number in range(20 * self.num_validation):
            if len(found) == self.num_validation:
                break
            name = names[number % len(names)]
            made = self._example(name, 2 * (number // len(names)) + 1)
            found.setdefault(made.prompt[0].text, made)
        return found

    def held_out_tasks(self) -> set[str]:
        return set(self.held_out)

    def _example(self, task: str, number: int) -> Conversation:
        return example(task, number, seed=self.seed, form=self.form, max_depth=self.max_depth)

    def fingerprint(self, cache_dir: Path) -> str:
        settings = (self.form, self.max_depth, self.answer_noise, self.seed)
        sizes = (self.num_documents, self.num_validation)
        return hash_of_text(VERSION, *settings, *sizes, self.shares, sorted(self.held_out))

    def notes(self) -> list[str]:
        held = ", ".join(sorted(self.held_out)) or "none"
        noise = (
            f"; {self.answer_noise:g} of the answers are worse ones" if self.answer_noise else ""
        )
        return [f"{len(self.trained)} tasks are trained on{noise}; held out: {held}"]


def _used(tasks: list[str] | None, chosen_categories: list[str] | None) -> list[str]:
    known(tasks or (), "data.source.tasks", catalog())
    known(chosen_categories or (), "data.source.categories", all_categories())
    return [
        name
        for name, task in catalog().items()
        if (tasks is None or name in tasks)
        and (chosen_categories is None or task.category in chosen_categories)
    ]


def _held_out(used: list[str], tasks: list[str], of_categories: list[str]) -> set[str]:
    known(tasks, "data.source.held_out_tasks", catalog())
    known(of_categories, "data.source.held_out_categories", all_categories())
    return {name for name in used if name in tasks or catalog()[name].category in of_categories}


def _first(left: list[str], num_tasks: int | None, seed: int) -> list[str]:
    """num_tasks of those left, in an order of the seed's, so that fewer tasks are part of more."""
    if num_tasks is not None and not 1 <= num_tasks <= len(left):
        raise ValueError(
            f"data.source.num_tasks={num_tasks}: there are {len(left)} tasks to train on; set it "
            f"to 1..{len(left)} or null"
        )
    if not left:
        raise ValueError("data.source leaves no task to train on; hold out fewer")
    order = Draw(number_of("order of tasks", seed)).shuffled(left)
    return sorted(order[: num_tasks or len(left)], key=left.index)
