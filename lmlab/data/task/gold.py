"""The hidden judge of generated answers: what a labeller really wants."""

from __future__ import annotations

from difflib import SequenceMatcher

from lmlab.data.conversation import is_right, plain

# What the right words among others earn, and a wrong answer by being alike, before words too many
# are taken off.
AMONG_OTHERS, ALIKE = 0.8, 0.5
COST_OF_A_WORD = 0.05


def gold_score(answer: str, accepted: tuple[str, ...], kind: str = "text") -> float:
    """How good an answer is, 0..1.

    1 for a right one; 0.8 where the right words stand among others, else up to 0.5 by how alike its
    characters are to the nearest accepted answer; less 0.05 for every word more than that answer has.
    An empty answer gets 0.
    """
    if not answer.strip():
        return 0.0
    if is_right(answer, accepted, kind):
        return 1.0
    return max(_partly(answer, each) for each in accepted)


def _partly(answer: str, reference: str) -> float:
    said, wanted = plain(answer).split(), plain(reference).split()
    more = max(0, len(said) - len(wanted))
    if more and f" {' '.join(wanted)} " in f" {' '.join(said)} ":
        return max(0.0, AMONG_OTHERS - COST_OF_A_WORD * more)
    ratio = SequenceMatcher(None, answer.strip(), reference, autojunk=False).ratio()
    return max(0.0, ALIKE * ratio - COST_OF_A_WORD * more)
