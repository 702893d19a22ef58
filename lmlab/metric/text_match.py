"""How alike an answer and a reference are: exact match, token F1, ROUGE-L; all 0..1."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
NOT_WORD = re.compile(r"[^a-z0-9]+")


def normalised(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces.

    Source: SQuAD's evaluation script. Differs: a text that is nothing but articles and punctuation
    ("A", "-") is kept, in lower case, so that single letters and signs can be compared.
    """
    lower = text.lower()
    plain = " ".join(ARTICLES.sub(" ", lower.translate(PUNCTUATION)).split())
    return plain or " ".join(lower.split())


def exact_match(answer: str, references: Sequence[str]) -> float:
    """1 where the answer is one of the references after `normalised`, else 0."""
    return float(normalised(answer) in map(normalised, references))


def token_f1(answer: str, references: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of words, with the nearest reference (SQuAD)."""
    return max(_f1_of_words(normalised(answer), normalised(each)) for each in references)


def _f1_of_words(answer: str, reference: str) -> float:
    said, wanted = answer.split(), reference.split()
    if not said or not wanted:
        return float(said == wanted)
    same = sum((Counter(said) & Counter(wanted)).values())
    return _f1(same, len(said), len(wanted))


def rouge_l(answer: str, references: Sequence[str]) -> float:
    """The F-measure of the longest common subsequence of words, with the nearest reference.

    Source: Lin 2004; words as in the package rouge_score without stemming: runs of a-z and 0-9.
    """
    return max(_rouge_l(words(answer), words(each)) for each in references)


def words(text: str) -> list[str]:
    """Runs of a-z and 0-9 in lower case."""
    return [word for word in NOT_WORD.split(text.lower()) if word]


def _rouge_l(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return 0.0
    return _f1(longest_common(said, wanted), len(said), len(wanted))


def _f1(same: int, num_said: int, num_wanted: int) -> float:
    return 2 * same / (num_said + num_wanted)


def longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for item in one:
        before = 0
        for place, each in enumerate(other, 1):
            above = row[place]
            row[place] = before + 1 if item == each else max(above, row[place - 1])
            before = above
    return row[-1]


METRICS: dict[str, Callable[[str, Sequence[str]], float]] = {
    "exact_match": exact_match,
    "token_f1": token_f1,
    "rouge_l": rouge_l,
}
