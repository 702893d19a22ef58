"""Expectations over many jobs: the language of lmlab.verdict, with lists, functions and selection.

min(val/loss_nats) < 2                     of all jobs
child("arch=gpt_1m").val/loss_nats < 3     of the one job that has these options
rank_correlation(setting("arch.width"), val/loss_nats) < -0.9
mean(children("sft").val/accuracy) > 0.5   of those with these options, or of a stage
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from lmlab.config.suggest import nearest
from lmlab.sweep.statistics import mean, rank_correlation, slope, where_least
from lmlab.verdict import ARITHMETIC, COMPARE, METRIC

NUMBER, NUMBERS, TRUTH = "a number", "a list", "true or false"
OF_LIST: dict[str, tuple[int, Callable[..., float]]] = {
    "min": (1, min),
    "max": (1, max),
    "mean": (1, mean),
    "slope": (2, slope),
    "rank_correlation": (2, rank_correlation),
    "where_least": (2, where_least),
}
SELECT = ("child", "children")
_TOKEN = re.compile(rf"""'[^']*'|"[^"]*"|{METRIC.pattern}""")


@dataclass(frozen=True, slots=True)
class Child:
    """A job as expectations see it; settings: its options, its configuration, its stage's name."""

    name: str
    metrics: Mapping[str, float]
    choices: Mapping[str, Any]
    config: Mapping[str, Any]
    stage: str | None = None

    def setting(self, key: str) -> Any:
        """An option of a group, or the value at a dotted path. Raises: KeyError."""
        if key in self.choices:
            return self.choices[key]
        value: Any = self.config
        for part in key.split("."):
            value = value[part]
        return value

    def fits(self, selection: str) -> bool:
        """Whether it has every `key=value` of the selection; a bare word is a stage, or baseline."""
        for text in re.split(r"[,\s]+", selection.strip()):
            key, sign, wanted = text.partition("=")
            if not sign:
                if key not in (self.stage, *self.name.split()):
                    return False
                continue
            try:
                value = self.setting(key)
            except (KeyError, TypeError):
                return False
            if str(value) != wanted and value != yaml.safe_load(wanted):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Expectation:
    """A parsed expectation; metrics: the metric that each name in the tree stands for."""

    text: str
    tree: ast.expr
    metrics: dict[str, str]

    def value(self, children: Sequence[Child]) -> bool:
        """Whether it holds. Raises: KeyError for a metric or setting that a job does not have."""
        return bool(_Value(self, children).of(self.tree))

    def sides(self, children: Sequence[Child]) -> dict[str, float]:
        """What it compares, by its text, as far as it is known."""
        found: dict[str, float] = {}
        for node in ast.walk(self.tree):
            for side in (node.left, *node.comparators) if isinstance(node, ast.Compare) else ():
                if not isinstance(side, ast.Constant | ast.UnaryOp):
                    try:
                        found[self.shown(side)] = float(_Value(self, children).of(side))
                    except (KeyError, TypeError, ValueError, ZeroDivisionError):
                        continue
        return found

    def shown(self, node: ast.AST) -> str:
        """A part of it as it was written."""
        return re.sub(r"metric_\d+", lambda m: self.metrics.get(m[0], m[0]), ast.unparse(node))

    def selections(self) -> list[tuple[str, str]]:
        """(child or children, what is selected), of all of it."""
        calls = [n for n in ast.walk(self.tree) if isinstance(n, ast.Call)]
        found = [(ast.unparse(n.func), n.args) for n in calls]
        return [(name, ast.literal_eval(args[0])) for name, args in found if name in SELECT]


def parse(expect: str) -> Expectation:
    """Raises: ValueError naming what is not allowed, and what would be."""
    names: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        text = match.group()
        return text if text[0] in "'\"" else names.setdefault(text, f"metric_{len(names)}")

    try:
        tree = ast.parse(_TOKEN.sub(stand_in, expect).strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(
            f"experiment.expect={expect!r} is not an expression: {error.msg}"
        ) from None
    made = Expectation(expect, tree, {name: metric for metric, name in names.items()})
    if _Kind(made).of(tree) == NUMBERS:
        raise ValueError(f"experiment.expect={expect!r} is a list, not true or false")
    return made


class _Kind:
    """What every part of an expectation is, found without any job."""

    def __init__(self, expectation: Expectation) -> None:
        self.whole = expectation

    def of(self, node: ast.AST) -> str:
        match node:
            case ast.Constant() if type(node.value) in (int, float):
                return NUMBER
            case ast.Name() if node.id in self.whole.metrics:
                return NUMBERS
            case ast.Attribute() if node.attr in self.whole.metrics:
                return self._selected(node)
            case ast.Call(func=ast.Name(id=name)) if not node.keywords:
                return self._call(node, name)
            case ast.UnaryOp(op=ast.Not() | ast.USub()):
                return self.of(node.operand)
            case ast.BinOp() if type(node.op) in ARITHMETIC:
                return NUMBERS if NUMBERS in (self.of(node.left), self.of(node.right)) else NUMBER
            case ast.BoolOp():
                self._numbers(node.values)
                return TRUTH
            case ast.Compare() if all(type(op) in COMPARE for op in node.ops):
                self._numbers([node.left, *node.comparators])
                return TRUTH
        raise self._wrong(node, "is not allowed; use metrics such as val/loss_nats, numbers, "
                          f"comparisons, and, or, not, + - * /, {', '.join(OF_LIST)}, log, "
                          'setting("arch.width"), child("arch=gpt_1m").val/loss_nats')  # fmt: skip

    def _selected(self, node: ast.Attribute) -> str:
        call = node.value
        name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
        if isinstance(call, ast.Call) and name in SELECT and _is_text(call):
            return NUMBER if name == "child" else NUMBERS
        raise self._wrong(node, 'write child("arch=gpt_1m").val/loss_nats')

    def _call(self, node: ast.Call, name: str) -> str:
        if name == "setting" and _is_text(node):
            return NUMBERS
        if name in (*SELECT, "setting"):
            raise self._wrong(node, f'write {name}("key=value").val/loss_nats'
                              if name in SELECT else 'write setting("arch.width")')  # fmt: skip
        if name == "log" and len(node.args) == 1:
            return self.of(node.args[0])
        if name not in OF_LIST:
            near = nearest(name, [*OF_LIST, *SELECT, "setting", "log"])
            raise self._wrong(
                node, f"there is no {name}" + (f"; did you mean {near}?" if near else "")
            )
        number, _ = OF_LIST[name]
        if len(node.args) != number or any(self.of(arg) != NUMBERS for arg in node.args):
            raise self._wrong(
                node, f"{name} takes {number} list{'s' * (number > 1)}, such as val/loss_nats"
            )
        return NUMBER

    def _numbers(self, nodes: Sequence[ast.expr]) -> None:
        for node in nodes:
            if self.of(node) == NUMBERS:
                raise self._wrong(node, "is a number of every job; say min(...), max(...), "
                                  'mean(...), or child("key=value") before it')  # fmt: skip

    def _wrong(self, node: ast.AST, text: str) -> ValueError:
        shown = self.whole.shown(node)
        return ValueError(f"experiment.expect={self.whole.text!r}: {shown!r}: {text}")


def _is_text(call: ast.Call) -> bool:
    return (
        len(call.args) == 1
        and not call.keywords
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    )


class _Value:
    """The value of every part for these jobs."""

    def __init__(self, expectation: Expectation, children: Sequence[Child]) -> None:
        self.metrics, self.children = expectation.metrics, children

    def of(self, node: ast.AST) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return [child.metrics[self.metrics[node.id]] for child in self.children]
            case ast.Attribute(value=ast.Call() as call):
                return self._selected(call, self.metrics[node.attr])
            case ast.Call(func=ast.Name(id=name)):
                return self._call(node, name)
            case ast.UnaryOp():
                value = self.of(node.operand)
                return not value if isinstance(node.op, ast.Not) else _each(lambda x: -x, value)
            case ast.BinOp():
                return _each(ARITHMETIC[type(node.op)], self.of(node.left), self.of(node.right))
            case ast.BoolOp():
                values = [bool(self.of(child)) for child in node.values]
                return all(values) if isinstance(node.op, ast.And) else any(values)
            case ast.Compare():
                sides = [self.of(child) for child in (node.left, *node.comparators)]
                pairs = zip(node.ops, sides, sides[1:], strict=False)
                return all(COMPARE[type(op)](left, right) for op, left, right in pairs)
        raise AssertionError(f"{node} passed the check")

    def _selected(self, call: ast.Call, metric: str) -> Any:
        selection = ast.literal_eval(call.args[0])
        values = [c.metrics[metric] for c in self.children if c.fits(selection)]
        if ast.unparse(call.func) == "children":
            return values
        if len(values) != 1:
            raise ValueError(f'child("{selection}"): {len(values)} jobs are that, not one')
        return values[0]

    def _call(self, node: ast.Call, name: str) -> Any:
        if name == "setting":
            return [float(c.setting(ast.literal_eval(node.args[0]))) for c in self.children]
        values = [self.of(arg) for arg in node.args]
        return _each(math.log, values[0]) if name == "log" else OF_LIST[name][1](*values)


def _each(function: Callable[..., float], *values: Any) -> Any:
    """The function of numbers, or of every position of lists; a number goes with all."""
    lengths = {len(value) for value in values if isinstance(value, list)}
    if not lengths:
        return function(*values)
    if len(lengths) > 1:
        raise ValueError(f"lists of {' and '.join(map(str, sorted(lengths)))} jobs do not pair")
    number = lengths.pop()
    rows = zip(*(v if isinstance(v, list) else [v] * number for v in values), strict=True)
    return [function(*row) for row in rows]
