"""A row of a table to a conversation: its form is known by its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmlab.data.conversation import Conversation, Turn
from lmlab.data.format.rows import Row

# The forms: what a row needs, first that fits.
MESSAGES = ("messages", "conversations")
PAIRS = (
    ("instruction", "output"),
    ("instruction", "response"),
    ("prompt", "completion"),
    ("prompt", "response"),
    ("question", "answer"),
    ("input", "output"),
    ("input", "target"),
)
KNOWN = "messages; prompt+completion; instruction(+input)+output; question+answer; input+output"
# ShareGPT's names of who speaks.
SPEAKERS = {"human": "user", "gpt": "assistant", "model": "assistant", "prompter": "user"}


def renamed(row: Row, columns: dict[str, str], where: str) -> dict[str, Any]:
    """The row under the usual names. columns: the row's own name by the usual one."""
    missing = [name for name in columns.values() if name not in row]
    if missing:
        raise ValueError(
            f"data.source.columns names {missing[0]!r}, which {where} has not; it has "
            f"{', '.join(row)}"
        )
    taken = set(columns.values())
    kept = {name: value for name, value in row.items() if name not in taken}
    return kept | {usual: row[own] for usual, own in columns.items()}


def conversation_of(row: Row, where: str, task: str = "") -> Conversation:
    """The conversation of a row in one of the forms KNOWN; `task` and `category` are columns too.

    An answer that ends with `#### NUMBER` (GSM8K) is judged by that number.
    Raises: ValueError for a row of another form, naming its columns.
    """
    turns = _turns(row, where)
    is_number = bool(turns) and "####" in turns[-1].text
    return Conversation(
        turns,
        task=_text(row.get("task")) or task,
        category=_text(row.get("category")),
        answer="number" if is_number else "text",
    )


def _turns(row: Row, where: str) -> tuple[Turn, ...]:
    for name in MESSAGES:
        if isinstance(row.get(name), list):
            return turns_of(row[name], f"{where}, {name}")
    for asks, answers in PAIRS:
        if asks in row and answers in row:
            return _pair(row, asks, answers, where)
    raise ValueError(
        f"{where} has the columns {', '.join(map(str, row))}, which is no known form ({KNOWN}); "
        f"name them: data.source.columns={{prompt: COLUMN, completion: COLUMN}}"
    )


def _pair(row: Row, asks: str, answers: str, where: str) -> tuple[Turn, ...]:
    """A question column and an answer column; either may hold a list of messages."""
    more = _text(row.get("input")) if asks == "instruction" else ""
    prompt, answer = row[asks], row[answers]
    system = _text(row.get("system"))
    turns = [Turn("system", system)] if system.strip() else []
    if isinstance(prompt, list):
        turns += turns_of(prompt, f"{where}, {asks}")
    else:
        question = _text(prompt)
        turns.append(Turn("user", f"{question}\n\n{more}" if more.strip() else question))
    if isinstance(answer, list):
        turns += turns_of(answer, f"{where}, {answers}")
    else:
        turns.append(Turn("assistant", _text(answer)))
    return tuple(turns)


def turns_of(messages: list[Any], where: str) -> tuple[Turn, ...]:
    """Messages as {role, content} or ShareGPT's {from, value}."""
    return tuple(_turn(message, f"{where}, message {n}") for n, message in enumerate(messages, 1))


def _turn(message: Any, where: str) -> Turn:
    is_object = isinstance(message, Mapping)
    if not is_object:
        raise ValueError(f"{where} is not an object but {type(message).__name__}")
    role, text = (
        message.get("role", message.get("from")),
        message.get("content", message.get("value")),
    )
    if role is None or text is None:
        raise ValueError(
            f"{where} has the keys {', '.join(map(str, message))}; it needs role and content"
        )
    if isinstance(text, list):  # parts: only text is understood
        text = "".join(_text(part.get("text")) for part in text if isinstance(part, Mapping))
    return Turn(SPEAKERS.get(str(role), str(role)), _text(text))


def _text(value: Any) -> str:
    return "" if value is None else str(value)
