"""The reward that makes a model say how sure it is: an answer, a hedged answer, or "I don't know"."""

from __future__ import annotations

from typing import Literal

from lmlab.rollout.reward import needed_answers

Act = Literal["unhedged", "hedged", "abstains"]


class Hedging:
    """1 correct and unhedged, 0.5 correct but hedged, 0 "I don't know", -2 hedged but wrong, -4 wrong.

    A response abstains where it holds one of `abstentions`; it hedges where it holds one of
    `hedges`; it is correct where what remains without the hedges is the answer, case and punctuation
    at its ends apart.
    Source: row S2-10 (after Schulman). Differs from what the slide implies: with these numbers
    hedging pays exactly half of not hedging at every p, all three acts tie at p = 0.8, and so a
    calibrated model never gains by hedging (`expected`).
    """

    def __init__(
        self,
        *,
        correct: float,
        hedged_correct: float,
        abstained: float,
        hedged_wrong: float,
        wrong: float,
        hedges: list[str],
        abstentions: list[str],
    ) -> None:
        if not all(text.strip() for text in [*hedges, *abstentions]):
            raise ValueError("reward.hedges and reward.abstentions must not hold empty texts")
        self.rewards: dict[tuple[Act, bool], float] = {
            ("unhedged", True): correct,
            ("hedged", True): hedged_correct,
            ("abstains", True): abstained,
            ("abstains", False): abstained,
            ("hedged", False): hedged_wrong,
            ("unhedged", False): wrong,
        }
        self.hedges = [text.lower() for text in hedges]
        self.abstentions = [text.lower() for text in abstentions]

    def __call__(
        self, prompts: list[str], responses: list[str], answers: list[str | None]
    ) -> list[float]:
        wanted = needed_answers(answers, "hedging")
        return [self.score(text, answer) for text, answer in zip(responses, wanted, strict=True)]

    def score(self, text: str, answer: str) -> float:
        """The reward of one response."""
        claim = text.lower()
        for hedge in self.hedges:
            claim = claim.replace(hedge, " ")
        return self.rewards[self.act(text), bare(claim) == bare(answer.lower())]

    def act(self, text: str) -> Act:
        """What a response does."""
        text = text.lower()
        if any(words in text for words in self.abstentions):
            return "abstains"
        return "hedged" if any(words in text for words in self.hedges) else "unhedged"

    def expected(self, act: Act, probability: float) -> float:
        """Mean reward of an act by a model that is right with this probability."""
        right, wrong = self.rewards[act, True], self.rewards[act, False]
        return probability * right + (1 - probability) * wrong

    def best_act(self, probability: float) -> Act:
        """What pays most at a probability of being right; ties go to the bolder act."""
        acts: tuple[Act, ...] = ("unhedged", "hedged", "abstains")
        return max(acts, key=lambda act: self.expected(act, probability))


def bare(text: str) -> str:
    """A text without spaces and punctuation at its ends, inner spaces single."""
    return " ".join(text.split()).strip(" .,;:!?\"'()")
