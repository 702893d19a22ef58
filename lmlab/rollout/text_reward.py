"""Programmatic rewards: what a few lines of Python can tell of a response."""

from __future__ import annotations

import re
from typing import Literal

from lmlab.rollout.reward import needed_answers

# A minus right after a digit or a bracket subtracts.
NUMBER = re.compile(r"(?:(?<![\d)])-)?(?:\d[\d,]*(?:\.\d+)?|\.\d+)")


class RegularExpression:
    """`right` where the pattern is found in the response (or is all of it), else `wrong`."""

    def __init__(self, *, pattern: str, whole: bool, right: float, wrong: float) -> None:
        try:
            self.pattern = re.compile(pattern, re.DOTALL)
        except re.error as error:
            raise ValueError(
                f"reward.pattern={pattern!r} is not a regular expression: {error}"
            ) from None
        self.whole, self.right, self.wrong = whole, right, wrong

    def __call__(
        self, prompts: list[str], responses: list[str], answers: list[str | None]
    ) -> list[float]:
        find = self.pattern.fullmatch if self.whole else self.pattern.search
        return [self.right if find(text) else self.wrong for text in responses]


class ExactAnswer:
    """`right` where the response is the answer, spaces around both left out, else `wrong`."""

    def __init__(self, *, ignore_case: bool, right: float, wrong: float) -> None:
        self.ignore_case, self.right, self.wrong = ignore_case, right, wrong

    def __call__(
        self, prompts: list[str], responses: list[str], answers: list[str | None]
    ) -> list[float]:
        wanted = needed_answers(answers, "exact_answer")
        return [
            self.right if self._plain(text) == self._plain(answer) else self.wrong
            for text, answer in zip(responses, wanted, strict=True)
        ]

    def _plain(self, text: str) -> str:
        text = " ".join(text.split())
        return text.lower() if self.ignore_case else text


class Number:
    """`right` where the last number of the response equals the last one of the answer, else `wrong`.

    Thousands may be written 1,234. `missing` where the response has no number at all.
    Raises: ValueError for an answer without a number.
    """

    def __init__(self, *, tolerance: float, right: float, wrong: float, missing: float) -> None:
        if tolerance < 0:
            raise ValueError(f"reward.tolerance={tolerance} must be 0 or more")
        self.tolerance, self.right, self.wrong, self.missing = tolerance, right, wrong, missing

    def __call__(
        self, prompts: list[str], responses: list[str], answers: list[str | None]
    ) -> list[float]:
        wanted = needed_answers(answers, "number")
        return [self._score(text, answer) for text, answer in zip(responses, wanted, strict=True)]

    def _score(self, text: str, answer: str) -> float:
        expected, found = last_number(answer), last_number(text)
        if expected is None:
            raise ValueError(f"reward=number needs answers with a number, and {answer!r} has none")
        if found is None:
            return self.missing
        return self.right if abs(found - expected) <= self.tolerance else self.wrong


def last_number(text: str) -> float | None:
    """The last number written in digits, None where there is none."""
    found = NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


class Length:
    """-|length - target| / target, at least -1: 0 at the target, in characters or words."""

    def __init__(self, *, target: int, unit: Literal["characters", "words"]) -> None:
        if target < 1:
            raise ValueError(f"reward.target={target} must be 1 or more")
        self.target, self.unit = target, unit

    def __call__(
        self, prompts: list[str], responses: list[str], answers: list[str | None]
    ) -> list[float]:
        lengths = [len(text.split()) if self.unit == "words" else len(text) for text in responses]
        return [-min(1.0, abs(length - self.target) / self.target) for length in lengths]


class Contains:
    """The share of the texts (or of the answer, where there are none) that the response contains."""

    def __init__(self, *, texts: list[str], ignore_case: bool) -> None:
        if any(not text for text in texts):
            raise ValueError(f"reward.texts={texts} has an empty text, which everything contains")
        self.texts, self.ignore_case = texts, ignore_case

    def __call__(
        self, prompts: list[str], responses: list[str], answers: list[str | None]
    ) -> list[float]:
        if self.texts:
            wanted = [self.texts] * len(responses)
        else:
            wanted = [[answer] for answer in needed_answers(answers, "contains")]
        return [self._share(text, parts) for text, parts in zip(responses, wanted, strict=True)]

    def _share(self, text: str, parts: list[str]) -> float:
        if self.ignore_case:
            text, parts = text.lower(), [part.lower() for part in parts]
        return sum(part in text for part in parts) / len(parts)
