"""A row of a table to a comparison: its form is known by its columns."""

from __future__ import annotations

from typing import Any

from lmlab.data.comparison import Comparison
from lmlab.data.conversation import Turn
from lmlab.data.format.columns import turns_of
from lmlab.data.format.dialogue import is_dialogue, turns_of_dialogue
from lmlab.data.format.rows import Row

KNOWN = "chosen+rejected (with prompt, as dialogues, or as messages); prompt+responses(+ranks)"
LISTS = ("responses", "completions", "answers")
RANKS = ("ranks", "rank", "ranking")


def comparison_of(row: Row, where: str) -> Comparison:
    """The comparison of a row; `margin`, `labeller`, `task` and `category` are columns too.

    ranks: a number a response, 0 or 1 is the best; without them the responses are in order, best
    first. Raises: ValueError for a row of another form, naming its columns.
    """
    if "chosen" in row and "rejected" in row:
        prompt, responses = _pair(row, where)
        ranks = [0, 1]
    elif "prompt" in row and any(isinstance(row.get(name), list) for name in LISTS):
        prompt = _prompt(row["prompt"], where)
        responses, ranks = _ranked(row, where)
    else:
        raise ValueError(
            f"{where} has the columns {', '.join(map(str, row))}, which is no known form ({KNOWN}); "
            f"name them: data.source.columns={{chosen: COLUMN, rejected: COLUMN}}"
        )
    return Comparison(
        prompt,
        tuple(responses),
        tuple(ranks),
        margin=_margin(row.get("margin"), where),
        labeller=str(row.get("labeller") or row.get("annotator") or ""),
        task=str(row.get("task") or ""),
        category=str(row.get("category") or ""),
    )


def _margin(value: Any, where: str) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: margin={value!r} is no number") from error


def _prompt(value: Any, where: str) -> tuple[Turn, ...]:
    """A prompt as messages, as a dialogue, or as plain text of the user's."""
    if isinstance(value, list):
        return turns_of(value, f"{where}, prompt")
    if is_dialogue(str(value)):
        turns = turns_of_dialogue(str(value))
        opens_answer = turns[-1] == Turn("assistant", "")
        return tuple(turns[:-1] if opens_answer else turns)
    return (Turn("user", str(value or "")),)


def _pair(row: Row, where: str) -> tuple[tuple[Turn, ...], list[str]]:
    chosen, rejected = row["chosen"], row["rejected"]
    if isinstance(chosen, list) and isinstance(rejected, list):
        sides = [turns_of(chosen, f"{where}, chosen"), turns_of(rejected, f"{where}, rejected")]
        if not all(sides):
            empty = "rejected" if sides[0] else "chosen"
            raise ValueError(f"{where}: {empty} has no messages; it needs a turn of the assistant")
        if "prompt" in row:
            prompt = _prompt(row["prompt"], where)
            sides = [(*prompt, *side) if len(side) == 1 else side for side in sides]
        return _split(sides, where)
    if "prompt" in row:
        return _prompt(row["prompt"], where), [str(chosen or ""), str(rejected or "")]
    if is_dialogue(str(chosen)) and is_dialogue(str(rejected)):
        return _split([turns_of_dialogue(chosen), turns_of_dialogue(rejected)], where)
    raise ValueError(
        f"{where}: chosen and rejected are plain text without a prompt; add a column prompt, or write "
        f"them as dialogues (\\n\\nHuman: ... \\n\\nAssistant: ...) or messages"
    )


def _split(sides: list[Any], where: str) -> tuple[tuple[Turn, ...], list[str]]:
    """Two dialogues that share all but the last turn, which is the assistant's."""
    prompts = [tuple(turns[:-1]) for turns in sides]
    if any(turns[-1].role != "assistant" for turns in sides):
        raise ValueError(f"{where}: chosen and rejected must end with a turn of the assistant")
    if prompts[0] != prompts[1]:
        raise ValueError(f"{where}: chosen and rejected differ before their last turn")
    return prompts[0], [turns[-1].text for turns in sides]


def _ranked(row: Row, where: str) -> tuple[list[str], list[int]]:
    """Responses best first with ranks from 0; equal ranks stay equal."""
    responses = [_response(value, where) for name in LISTS for value in row.get(name) or ()]
    given = next((row[name] for name in RANKS if row.get(name) is not None), None)
    if given is None:
        return responses, list(range(len(responses)))
    if len(given) != len(responses):
        raise ValueError(f"{where} has {len(responses)} responses and {len(given)} ranks")
    order = sorted(range(len(given)), key=lambda index: given[index])
    levels = sorted(set(given))
    return [responses[index] for index in order], [levels.index(given[index]) for index in order]


def _response(value: Any, where: str) -> str:
    """A response as text, or as messages of which the last counts; no messages are no text."""
    if not isinstance(value, list):
        return str(value or "")
    turns = turns_of(value, where)
    return turns[-1].text if turns else ""
