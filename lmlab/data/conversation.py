"""What was said, by whom, and what a good answer would have been."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

ROLES = ("system", "user", "assistant")
# A number as a person writes it: 1,250 or -3.5.
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. role: `system`, `user` or `assistant`."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns that end with the assistant's, and what is known about that last answer.

    references: accepted answers; empty: the last turn is the only one. task and category name where
    it comes from, "" when unknown. answer: how an answer is judged, see `is_right`.
    """

    turns: tuple[Turn, ...]
    task: str = ""
    category: str = ""
    references: tuple[str, ...] = ()
    answer: str = "text"

    @property
    def prompt(self) -> tuple[Turn, ...]:
        """Everything before the last answer."""
        return self.turns[:-1]

    @property
    def response(self) -> str:
        """The last answer."""
        return self.turns[-1].text

    @property
    def accepted(self) -> tuple[str, ...]:
        """The answers that a score compares with, at least one."""
        return self.references or (self.response,)

    @property
    def text(self) -> str:
        """All turns, one after the other: what a tokenizer may be trained on."""
        return "\n".join(turn.text for turn in self.turns)

    def check(self, answer: str) -> bool:
        """Whether another answer to the prompt is right."""
        return is_right(answer, self.accepted, self.answer)


def single(prompt: str, response: str, **more: Any) -> Conversation:
    """One question and its answer."""
    return Conversation((Turn("user", prompt), Turn("assistant", response)), **more)


def flaw(turns: tuple[Turn, ...]) -> str | None:
    """Why a conversation cannot be trained on, in words that a report groups by; None: it can."""
    if not turns:
        return "no turn"
    for turn in turns:
        if turn.role not in ROLES:
            return f"role {turn.role!r}, not one of {', '.join(ROLES)}"
    if turns[-1].role != "assistant":
        return "the last turn is not the assistant's"
    if len(turns) < 2:
        return "no prompt"
    if not turns[-1].text.strip():
        return "empty completion"
    if not any(turn.text.strip() for turn in turns[:-1]):
        return "empty prompt"
    return None


def is_right(answer: str, accepted: tuple[str, ...], kind: str = "text") -> bool:
    """Whether an answer is one of those accepted.

    kind `text`: equal after lower case and single spaces, a full stop at the end does not matter;
    `exact`: equal but for space around it; `number`: the last number in it, after `####` where it
    has one, is equal to the reference's (GSM8K's rule).
    """
    if kind == "number":
        value = last_number(answer)
        return value is not None and value in [last_number(each) for each in accepted]
    if kind == "exact":
        return answer.strip() in [each.strip() for each in accepted]
    return plain(answer) in [plain(each) for each in accepted]


def plain(text: str) -> str:
    """Lower case, single spaces, no full stop at the end."""
    return " ".join(text.lower().split()).rstrip(". ")


def last_number(text: str) -> float | None:
    """The last number of a text, of what follows `####` where that is there; None without one."""
    found = NUMBER.findall(text.rpartition("####")[2])
    return float(found[-1].replace(",", "")) if found else None
