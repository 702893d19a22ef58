"""Answers to one prompt, in the order a labeller put them."""

from __future__ import annotations

from dataclasses import dataclass

from lmlab.data.conversation import Turn


@dataclass(frozen=True, slots=True)
class Comparison:
    """responses: best first; ranks: 0 is the best, equal numbers are ties; a pair is chosen, rejected.

    margin: how much better the first is by the label, None when that is unknown; labeller, task,
    category: "" when unknown; references: accepted answers where the prompt has some; answer: how
    they are judged, see `lmlab.data.conversation.is_right`.
    """

    prompt: tuple[Turn, ...]
    responses: tuple[str, ...]
    ranks: tuple[int, ...]
    margin: float | None = None
    labeller: str = ""
    task: str = ""
    category: str = ""
    references: tuple[str, ...] = ()
    answer: str = "text"

    @property
    def text(self) -> str:
        """The prompt and the best answer: what a tokenizer may be trained on."""
        return "\n".join([*(turn.text for turn in self.prompt), self.responses[0]])


def pair(prompt: tuple[Turn, ...], chosen: str, rejected: str) -> Comparison:
    """Two answers, the first preferred."""
    return Comparison(prompt, (chosen, rejected), (0, 1))


def fault(comparison: Comparison) -> str | None:
    """Why a comparison teaches nothing, in words that a report groups by; None: it does."""
    if len(comparison.responses) < 2:
        return "fewer than two responses"
    if not any(turn.text.strip() for turn in comparison.prompt):
        return "empty prompt"
    if not all(response.strip() for response in comparison.responses):
        return "empty completion"
    if len(set(comparison.responses)) < len(comparison.responses):
        return "equal chosen and rejected" if len(comparison.responses) == 2 else "equal responses"
    if len(set(comparison.ranks)) == 1:
        return "all responses have the same rank"
    return None
