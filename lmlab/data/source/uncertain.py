"""The source `uncertain`: questions whose best answer is right with a probability that is known."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from lmlab.data.conversation import Conversation, single
from lmlab.data.source.content_hash import hash_of_text
from lmlab.data.source.conversations import Conversations
from lmlab.data.task.draw import Draw, number_of

COLOURS = ("red", "blue")
TEMPLATES = (
    "A bag holds {bag} balls. One is drawn. Which colour is it?",
    "There are {bag} balls in a bag. I took one. Name its colour.",
    "Guess the colour of a ball out of a bag of {bag} ones.",
)
# How an answer is worded, by what is done; the reward's own words are a setting of the reward.
SAID = {
    "unhedged": "{colour}",
    "hedged": "I think {colour}",
    "abstains": "I don't know",
}
BALLS = 20


class UncertainQuestions(Conversations):
    """Red and blue balls in a bag, one of which is drawn: nobody can know it, but bet on it.

    The task of a question is the share of the likelier colour, such as "0.85": how often the best
    answer is right. The accepted answer is the ball that was drawn; the answer to imitate names the
    likelier colour, which the question names first, in the words of `acts`, drawn by these shares
    whatever the question, so that a policy starts with all of them and no idea when.
    least, most: balls of the likelier colour out of 20, by turns; num_validation: held-out
    questions; seed.
    Source: rows S2-10 and 1.7-9, a hedge's worth against the chance to be right.
    """

    def __init__(
        self,
        *,
        least: int,
        most: int,
        acts: dict[str, float],
        num_validation: int,
        seed: int,
    ) -> None:
        if not BALLS // 2 <= least < most <= BALLS:
            raise ValueError(
                f"data.source.least={least} and data.source.most={most} must be {BALLS // 2} to "
                f"{BALLS} balls, the first below the second"
            )
        if set(acts) != set(SAID) or min(acts.values()) < 0 or sum(acts.values()) <= 0:
            raise ValueError(
                f"data.source.acts={acts} must give a share, 0 or more, to each of "
                f"{', '.join(SAID)}"
            )
        if num_validation < 1:
            raise ValueError(f"data.source.num_validation={num_validation} must be 1 or more")
        self.least, self.most, self.num_validation, self.seed = least, most, num_validation, seed
        total = sum(acts.values())
        self.acts = {name: acts[name] / total for name in SAID}

    @property
    def num_train(self) -> int | None:
        return None

    def train(self, number: int) -> Conversation:
        return self._example(2 * number)

    def validation(self) -> list[Conversation]:
        return list(self._validation)

    @cached_property
    def _validation(self) -> list[Conversation]:
        return [self._example(2 * number + 1) for number in range(self.num_validation)]

    def held_out_tasks(self) -> set[str]:
        return set()

    def _example(self, number: int) -> Conversation:
        """Question `number`, a pure function of it; the likelier colour's balls go by turns."""
        draw = Draw(number_of("uncertain 1", self.seed, number))
        likely = self.least + number // 2 % (self.most - self.least + 1)
        best, other = draw.some(COLOURS, 2)
        bag = f"{likely} {best} and {BALLS - likely} {other}"
        question = draw.one(TEMPLATES).format(bag=bag)
        truth = best if draw.whole(1, BALLS) <= likely else other
        answer = SAID[self._act(draw.unit())].format(colour=best)
        return single(
            question, answer, task=f"{likely / BALLS:.2f}", category="chance", references=(truth,)
        )

    def _act(self, place: float) -> str:
        """The act whose share of 0..1 `place` falls into."""
        for name, share in self.acts.items():
            place -= share
            if place < 0:
                return name
        return next(iter(self.acts))

    def fingerprint(self, cache_dir: Path) -> str:
        settings = (self.least, self.most, sorted(self.acts.items()), self.num_validation)
        return hash_of_text("uncertain 1", *settings, self.seed)

    def notes(self) -> list[str]:
        low, high = self.least / BALLS, self.most / BALLS
        return [f"the best answer to a question is right with probability {low:g} to {high:g}"]
