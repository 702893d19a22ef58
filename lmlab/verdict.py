"""The verdict of an experiment: its expectation, checked against the metrics it ended with."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HOLDS, NOT_YET, CONTRADICTED, UNFINISHED = "holds", "not_yet", "contradicted", "unfinished"

COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
ARITHMETIC: dict[type, Callable[[Any, Any], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
METRIC = re.compile(r"[A-Za-z_]\w*(?:/\w+)+")


@dataclass(frozen=True, slots=True)
class Expectation:
    """A parsed expectation: its tree, and the metric that each name in the tree stands for."""

    tree: ast.expr
    metrics: dict[str, str]

    def value(self, metrics: dict[str, float]) -> bool:
        """Whether it holds. Raises: KeyError for a metric that is not there."""
        named = {name: metrics[metric] for name, metric in self.metrics.items()}
        return bool(_value(self.tree, named))


def parse(expect: str) -> Expectation:
    """An expectation such as `val/loss_nats < 2 and val/a - 2 * val/b >= 1`.

    A metric is words joined by slashes without spaces. Allowed are comparisons, and, or, not,
    + - * / and numbers; nothing is ever run as Python.
    Raises: ValueError naming what is not allowed.
    """
    names: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        return names.setdefault(match.group(), f"metric_{len(names)}")

    try:
        tree = ast.parse(METRIC.sub(stand_in, expect).strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(
            f"experiment.expect={expect!r} is not an expression: {error.msg}"
        ) from None
    _check(tree, set(names.values()), expect)
    return Expectation(tree, {name: metric for metric, name in names.items()})


def _check(node: ast.AST, names: set[str], expect: str) -> None:
    allowed = (
        isinstance(node, ast.BoolOp)
        or (isinstance(node, ast.Compare) and all(type(op) in COMPARE for op in node.ops))
        or (isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC)
        or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub))
        or (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.Constant) and type(node.value) in (int, float))
    )
    if not allowed:
        raise ValueError(
            f"experiment.expect={expect!r}: {ast.unparse(node)!r} is not allowed; use metrics such as "
            "val/loss_nats, numbers, comparisons, and, or, not, + - * /"
        )
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            _check(child, names, expect)


def _value(node: ast.AST, metrics: dict[str, float]) -> Any:
    match node:
        case ast.Name():
            return metrics[node.id]
        case ast.Constant():
            return node.value
        case ast.UnaryOp():
            value = _value(node.operand, metrics)
            return not value if isinstance(node.op, ast.Not) else -value
        case ast.BinOp():
            operate = ARITHMETIC[type(node.op)]
            return operate(_value(node.left, metrics), _value(node.right, metrics))
        case ast.BoolOp():
            values = [bool(_value(child, metrics)) for child in node.values]
            return all(values) if isinstance(node.op, ast.And) else any(values)
        case ast.Compare():
            sides = [_value(child, metrics) for child in (node.left, *node.comparators)]
            pairs = zip(node.ops, sides, sides[1:], strict=False)
            return all(COMPARE[type(op)](left, right) for op, left, right in pairs)
    raise AssertionError(f"{node} passed the check")


def verdict(
    expect: str, metrics: dict[str, float], *, finished: bool, blocked_by: str | None
) -> tuple[str, dict[str, float]]:
    """The verdict, and the metrics it rests on.

    holds; not_yet: failed, and the experiment says what may be missing (scale, data, ...);
    contradicted: failed with nothing named; unfinished: the run or one of its metrics is missing.
    """
    expectation = parse(expect)
    used = {name: metrics[name] for name in expectation.metrics.values() if name in metrics}
    if not finished or len(used) < len(expectation.metrics):
        return UNFINISHED, used
    if expectation.value(metrics):
        return HOLDS, used
    return (NOT_YET if blocked_by else CONTRADICTED), used
