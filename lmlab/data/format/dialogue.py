"""Dialogues written as one text, as hh-rlhf has them."""

from __future__ import annotations

import re

from lmlab.data.conversation import Turn

SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant):")
ROLES = {"Human": "user", "Assistant": "assistant"}


def is_dialogue(text: str) -> bool:
    """Whether a text begins with a speaker."""
    return text.lstrip("\n").startswith(("Human:", "Assistant:"))


def turns_of_dialogue(text: str) -> list[Turn]:
    """`\\n\\nHuman: ... \\n\\nAssistant: ...` as turns; space around a turn is not part of it.

    A speaker's name counts only after an empty line; turns of one speaker in a row are joined.
    """
    _, *pieces = SPEAKER.split("\n\n" + text.lstrip("\n"))
    turns: list[Turn] = []
    for speaker, said in zip(pieces[::2], pieces[1::2], strict=True):
        turn = Turn(ROLES[speaker], said.strip())
        if turns and turns[-1].role == turn.role:
            joined = f"{turns[-1].text}\n\n{turn.text}".strip()
            turns[-1] = Turn(turn.role, joined)
        else:
            turns.append(turn)
    return turns
