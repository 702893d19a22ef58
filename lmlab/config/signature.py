"""The keywords of a constructor, read from source text: the schema of a config node."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from lmlab.config.definition import Definition, bases


@dataclass(frozen=True, slots=True)
class Keyword:
    """One keyword of a constructor; the annotation is text in `owner`'s module."""

    name: str
    annotation: ast.expr | None
    required: bool
    owner: Definition


@dataclass(frozen=True, slots=True)
class Signature:
    """All keywords that a class or function can be called with."""

    definition: Definition
    keywords: dict[str, Keyword] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the class or function."""
        return self.definition.node.name


def read_signature(definition: Definition) -> Signature:
    """The signature of a function, of `__init__` (its own or inherited) or of dataclass fields."""
    return Signature(definition, _keywords(definition))


def _keywords(definition: Definition) -> dict[str, Keyword]:
    node = definition.node
    if isinstance(node, ast.FunctionDef):
        return _arguments(node, definition, skip_first=False)
    for name in ("__init__", "__new__"):
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == name:
                own = _arguments(statement, definition, skip_first=True)
                return _inherited(definition) | own if statement.args.kwarg else own
    if _is_dataclass(node):
        return _inherited(definition) | _fields(definition)
    return _inherited(definition)


def _inherited(definition: Definition) -> dict[str, Keyword]:
    found: dict[str, Keyword] = {}
    for base in reversed(bases(definition)):
        found |= _keywords(base)
    return found


def _arguments(
    function: ast.FunctionDef, owner: Definition, skip_first: bool
) -> dict[str, Keyword]:
    positional = function.args.args[1 if skip_first else 0 :]
    num_required = len(positional) - min(len(function.args.defaults), len(positional))
    found = {
        argument.arg: Keyword(argument.arg, argument.annotation, index < num_required, owner)
        for index, argument in enumerate(positional)
    }
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        found[argument.arg] = Keyword(argument.arg, argument.annotation, default is None, owner)
    return found


def _is_dataclass(node: ast.ClassDef) -> bool:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(called).rpartition(".")[2] == "dataclass":
            return True
    return False


def _fields(definition: Definition) -> dict[str, Keyword]:
    assert isinstance(definition.node, ast.ClassDef)
    found = {}
    for statement in definition.node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if ast.unparse(statement.annotation).rpartition(".")[2].startswith("ClassVar"):
            continue
        if "init=False" in (ast.unparse(statement.value) if statement.value else ""):
            continue
        name = statement.target.id
        found[name] = Keyword(name, statement.annotation, statement.value is None, definition)
    return found
