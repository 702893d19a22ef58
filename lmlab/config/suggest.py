"""The valid name that a mistyped one probably stands for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher


def distance(left: str, right: str) -> int:
    """Number of insertions, deletions, substitutions and swaps of neighbours between two words."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, before_previous, row = row, before, [i]
        before = previous
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before_previous[j - 2] + 1)
            row.append(cost)
    return row[-1]


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The closest of `names` to `word`, or None when all are far; earlier names win ties."""
    best, best_score = None, (0.0, 0.0)
    for name in names:
        steps = distance(word.lower(), name.lower())
        ratio = SequenceMatcher(None, word, name).ratio()
        close = steps <= max(1, min(len(word), len(name)) // 3) or ratio >= 0.75
        score = (-float(steps), ratio)
        if close and (best is None or score > best_score):
            best, best_score = name, score
    return best


def check_keys(path: str, given: Iterable[object], known: Sequence[str]) -> None:
    """Raises: ValueError for a key of the node `path` that it has not, with those it has."""
    for key in given:
        if key not in known:
            near = nearest(str(key), known)
            hint = f"; did you mean {near}?" if near else ""
            raise ValueError(f"{path}.{key}: it has {', '.join(known)}{hint}")


def nearest_path(path: str, node_keys: Iterable[str], paths: Iterable[str]) -> str | None:
    """The dotted path that `path` probably stands for: a key of its own node, or else of any.

    node_keys: keys of the deepest node of `path` that exists; paths: all dotted paths there are.
    """
    parent, _, leaf = path.rpartition(".")
    near = nearest(leaf, node_keys)
    if near is not None:
        return f"{parent}.{near}" if parent else near
    everywhere = list(paths)
    same_leaf = [known for known in everywhere if known.rpartition(".")[2] == leaf]
    if same_leaf:
        return nearest(path, same_leaf) or same_leaf[0]
    leaves = {known.rpartition(".")[2]: known for known in reversed(everywhere)}
    near = nearest(leaf, leaves)
    return leaves[near] if near is not None else nearest(path, everywhere)
