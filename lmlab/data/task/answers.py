"""Answers of different worth to a generated question, as a weak model might write them."""

from __future__ import annotations

from lmlab.data.conversation import Conversation
from lmlab.data.task.draw import Draw
from lmlab.data.task.words import LETTERS, WORDS

FILLERS = (
    "I think it is {answer}.",
    "{answer}, but I am not sure.",
    "That is a good question. {answer}",
)
REFUSALS = ("I do not know.", "I cannot say.", "Please ask something else.")


def typo(answer: str, draw: Draw) -> str:
    """One letter or digit replaced."""
    places = [index for index, sign in enumerate(answer) if sign.isalnum()]
    if not places:
        return answer + draw.one(LETTERS)
    at = draw.one(places)
    signs = "0123456789" if answer[at].isdigit() else LETTERS
    return answer[:at] + draw.one(signs.replace(answer[at].lower(), "")) + answer[at + 1 :]


def cut(answer: str, draw: Draw) -> str:
    """The last word left out, or the last sign of a single word."""
    words = answer.split()
    return " ".join(words[:-1]) if len(words) > 1 else answer[:-1]


def longer(answer: str, draw: Draw) -> str:
    """The answer with a word too many."""
    return f"{answer} {draw.one(WORDS)}"


def wordy(answer: str, draw: Draw) -> str:
    """The answer inside a sentence that nobody asked for."""
    return draw.one(FILLERS).format(answer=answer)


def refusal(answer: str, draw: Draw) -> str:
    """No answer."""
    return draw.one(REFUSALS)


def unrelated(answer: str, draw: Draw) -> str:
    """Random words."""
    return " ".join(draw.some(WORDS, draw.whole(1, 3)))


WORSE = (typo, cut, longer, wordy, refusal, unrelated)


def worse(answer: str, draw: Draw) -> str:
    """A worse answer than the right one, of one of six kinds; never empty."""
    found = draw.one(WORSE)(answer, draw)
    return found if found.strip() else typo(answer, draw)


def answers_to(question: Conversation, number: int, other: str, draw: Draw) -> list[str]:
    """`number` different answers in random order: often the right one, else worse ones.

    other: the right answer to some other question of the same task.
    """
    right = question.response
    found = {right: None} if draw.chance(0.7) else {}
    while len(found) < number:
        made = other if draw.chance(0.25) else worse(right, draw)
        if draw.chance(0.15):
            made = typo(made, draw)
        if made.strip():
            found[made] = None
    return draw.shuffled(list(found)[:number])
