"""The source `task_preferences`: answers to generated tasks, ranked by labellers who err."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from lmlab.data.comparison import Comparison
from lmlab.data.conversation import Conversation
from lmlab.data.source.comparisons import Comparisons
from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.source.tasks import GeneratedTasks
from lmlab.data.task.answers import answers_to
from lmlab.data.task.catalog import example
from lmlab.data.task.draw import Draw, number_of
from lmlab.data.task.gold import gold_score


class TaskPreferences(Comparisons):
    """K answers a prompt of generated tasks, in the order of a labeller who knows the gold score.

    questions: the source of the tasks; num_train: comparisons to train on; num_responses: K;
    label_noise: the probability that a labeller says the opposite when two answers are compared,
    0..0.5; num_labellers: labeller_0, labeller_1 ..., each with a small taste of its own for short
    answers; held_out_labellers: how many of the last ones are only validated on; drawn_by: the folder
    of a run of stage=generate on the same questions, whose answers are compared before made-up ones
    (Ouyang et al. 2022 section 3.2 compares the model's own), or None.
    """

    def __init__(
        self,
        *,
        questions: GeneratedTasks,
        num_train: int,
        num_responses: int,
        label_noise: float,
        num_labellers: int,
        held_out_labellers: int,
        drawn_by: str | None,
        seed: int,
    ) -> None:
        if num_train < 1 or num_responses < 2:
            raise ValueError(
                f"data.source.num_train={num_train} must be 1 or more and data.source.num_responses="
                f"{num_responses} 2 or more"
            )
        if not 0 <= label_noise <= 0.5:
            raise ValueError(f"data.source.label_noise={label_noise} must be 0..0.5")
        if not 0 <= held_out_labellers < num_labellers:
            raise ValueError(
                f"data.source.held_out_labellers={held_out_labellers} must be 0 or more and below "
                f"data.source.num_labellers={num_labellers}"
            )
        self.questions, self.num_train, self.num_responses = questions, num_train, num_responses
        self.label_noise, self.num_labellers = label_noise, num_labellers
        self.held_out_labellers, self.seed = held_out_labellers, seed
        self.drawn_by = drawn_by

    def train(self) -> list[Comparison]:
        return list(self._train)

    def validation(self) -> list[Comparison]:
        return list(self._validation)

    @cached_property
    def _train(self) -> list[Comparison]:
        trained = self.num_labellers - self.held_out_labellers
        return [
            self.compared(self.questions.train(number), number, number % trained)
            for number in range(self.num_train)
        ]

    @cached_property
    def _validation(self) -> list[Comparison]:
        """The questions that are kept, each for a labeller who may be a held-out one."""
        questions = self.questions.validation()
        return [
            self.compared(question, -1 - index, number_of(index) % self.num_labellers)
            for index, question in enumerate(questions)
        ]

    def compared(self, question: Conversation, number: int, labeller: int) -> Comparison:
        """The answers to a question as one labeller ranks them: a pure function of the numbers."""
        draw = Draw(number_of("preference 1", self.seed, number))
        other = example(question.task, number_of(number) >> 8, seed=self.seed).response
        own = self._drawn.get(number, [])[: self.num_responses]
        made_up = answers_to(question, self.num_responses, other, draw)
        answers = [*own, *(each for each in made_up if each not in own)][: self.num_responses]
        worth = {answer: self._worth(question, answer, labeller) for answer in answers}
        ordered = noisy_sort(answers, worth, self.label_noise, draw)
        gold = [gold_score(each, question.accepted, question.answer) for each in ordered]
        return Comparison(
            question.prompt,
            tuple(ordered),
            tuple(range(len(ordered))),
            margin=round(abs(gold[0] - gold[-1]), 3),
            labeller=f"labeller_{labeller}",
            task=question.task,
            category=question.category,
            references=question.accepted,
            answer=question.answer,
        )

    @cached_property
    def _drawn(self) -> dict[int, list[str]]:
        """Different answers of the run `drawn_by`, by the number of their question."""
        if self.drawn_by is None:
            return {}
        found: dict[int, list[str]] = {}
        for row in read_answers(self.drawn_by):
            answers = found.setdefault(row["number"], [])
            if row["answer"].strip() and row["answer"] not in answers:
                answers.append(row["answer"])
            if len(found) == len(answers) == 1:
                self._check_question(row)
        return found

    def _check_question(self, row: dict[str, Any]) -> None:
        number = row["number"]
        held_out = self.questions.validation()
        question = held_out[-1 - number] if number < 0 else self.questions.train(number)
        if question.prompt[-1].text != row["prompt"]:
            raise ValueError(
                f"data.source.drawn_by={self.drawn_by} has answers to other questions; give "
                "data.source.questions the settings that data.source had there"
            )

    def _worth(self, question: Conversation, answer: str, labeller: int) -> float:
        """The gold score, less a taste for short answers: 0 to 0.002 a character by labeller."""
        taste = 0.002 * labeller / max(1, self.num_labellers - 1)
        return gold_score(answer, question.accepted, question.answer) - taste * len(answer)

    def fingerprint(self, cache_dir: Path) -> str:
        settings = (self.num_train, self.num_responses, self.label_noise, self.num_labellers)
        more = (self.held_out_labellers, self.seed, self.questions.fingerprint(cache_dir))
        drawn = json.dumps(self._drawn) if self.drawn_by else ""
        return hash_of_text("task preferences 1", *settings, *more, drawn)

    def notes(self) -> list[str]:
        return [
            f"{self.num_train} comparisons of {self.num_responses} answers, label noise "
            f"{self.label_noise:g}, {self.held_out_labellers} of {self.num_labellers} labellers "
            f"held out",
            *(
                [f"{len(self._drawn)} questions with answers of {self.drawn_by}"]
                * bool(self._drawn)
            ),
            *self.questions.notes(),
        ]


def read_answers(run: str) -> list[dict[str, Any]]:
    """Rows of a run's answers.jsonl that say which question of the data they answer.

    Raises: ValueError for a folder without any.
    """
    path = Path(run) / "answers.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    rows = [row for row in map(json.loads, filter(None, lines)) if "number" in row]
    if not rows:
        raise ValueError(
            f"data.source.drawn_by={run} has no answers.jsonl with answers to questions of the data; "
            "name the folder of a run of stage=generate without stage.prompts"
        )
    return rows


def noisy_sort(answers: list[str], worth: dict[str, float], noise: float, draw: Draw) -> list[str]:
    """Best first, by insertion; every comparison on the way is wrong with probability `noise`."""
    ordered: list[str] = []
    for answer in answers:
        place = len(ordered)
        while place and (worth[answer] > worth[ordered[place - 1]]) != draw.chance(noise):
            place -= 1
        ordered.insert(place, answer)
    return ordered
