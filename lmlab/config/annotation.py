"""Whether a plain value is of an annotated type; both are text, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from lmlab.config.definition import Module, load_module

PLAIN: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "bytes": lambda value: isinstance(value, bytes),
    "None": lambda value: value is None,
    "Path": lambda value: isinstance(value, str),
    "list": lambda value: isinstance(value, list),
    "tuple": lambda value: isinstance(value, list | tuple),
    "Sequence": lambda value: isinstance(value, list | tuple),
    "set": lambda value: isinstance(value, list),
    "dict": lambda value: isinstance(value, dict),
    "Mapping": lambda value: isinstance(value, dict),
}
WRAPPERS = ("Annotated", "Required", "Final")


def fits(value: Any, annotation: ast.expr | None, module: Module, depth: int = 0) -> bool:
    """Whether `value` is of the type; a type that is not plain accepts every mapping and None."""
    if annotation is None or depth > 12:
        return True
    if isinstance(annotation, ast.Constant):
        if isinstance(annotation.value, str):
            return fits(value, ast.parse(annotation.value, mode="eval").body, module, depth + 1)
        return value is None
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return fits(value, annotation.left, module, depth + 1) or fits(
            value, annotation.right, module, depth + 1
        )
    if isinstance(annotation, ast.Subscript):
        return _fits_generic(value, annotation, module, depth)
    name = ast.unparse(annotation).rpartition(".")[2]
    if name in PLAIN:
        return PLAIN[name](value)
    meaning = alias(module, name) if isinstance(annotation, ast.Name) else None
    if meaning is not None:
        return fits(value, meaning[0], meaning[1], depth + 1)
    return name in ("Any", "object") or isinstance(value, dict | list) or value is None


def _fits_generic(value: Any, annotation: ast.Subscript, module: Module, depth: int) -> bool:
    name = ast.unparse(annotation.value).rpartition(".")[2]
    inner = annotation.slice
    parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        return any(
            value == (c := ast.literal_eval(part)) and type(value) is type(c) for part in parts
        )
    if name == "Optional":
        return value is None or fits(value, inner, module, depth + 1)
    if name == "Union":
        return any(fits(value, part, module, depth + 1) for part in parts)
    if name in WRAPPERS:
        return fits(value, parts[0], module, depth + 1)
    if name not in PLAIN:
        return isinstance(value, dict | list) or value is None
    if not PLAIN[name](value):
        return False
    if name in ("dict", "Mapping"):
        return all(
            fits(key, parts[0], module, depth + 1) and fits(item, parts[1], module, depth + 1)
            for key, item in value.items()
        )
    if name == "tuple" and ast.unparse(parts[-1]) not in ("...", "Ellipsis"):
        return len(value) == len(parts) and all(
            fits(item, part, module, depth + 1) for item, part in zip(value, parts, strict=True)
        )
    return all(fits(item, parts[0], module, depth + 1) for item in value)


def alias(module: Module, name: str, depth: int = 0) -> tuple[ast.expr, Module] | None:
    """What a name that a module assigns (`Position = Literal[...]`) stands for, and where."""
    for statement in reversed(module.tree.body):
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return statement.value, module
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == name:
            return (statement.value, module) if statement.value is not None else None
        if type(statement).__name__ == "TypeAlias":  # `type X = ...`, from Python 3.12 on
            declared: Any = statement
            if ast.unparse(declared.name) == name:
                return declared.value, module
        if isinstance(statement, ast.ImportFrom) and statement.module and depth < 8:
            for imported in statement.names:
                if (imported.asname or imported.name) == name:
                    source = load_module(statement.module)
                    return alias(source, imported.name, depth + 1) if source else None
    return None


def describe(annotation: ast.expr | None, module: Module) -> str:
    """The type in the words of a config file: `one of layer, rms`, `int or null`."""
    if annotation is None:
        return "anything"
    if isinstance(annotation, ast.Constant):
        return "null" if annotation.value is None else str(annotation.value)
    if isinstance(annotation, ast.BinOp):
        left, right = describe(annotation.left, module), describe(annotation.right, module)
        return f"{left} or {right}"
    if isinstance(annotation, ast.Name):
        meaning = alias(module, annotation.id)
        return describe(*meaning) if meaning else annotation.id
    if isinstance(annotation, ast.Subscript):
        name = ast.unparse(annotation.value).rpartition(".")[2]
        inner = annotation.slice
        parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
        if name == "Literal":
            return "one of " + ", ".join(str(ast.literal_eval(part)) for part in parts)
        if name in ("Optional", "Union"):
            words = [describe(part, module) for part in parts]
            return " or ".join([*words, "null"] if name == "Optional" else words)
    return ast.unparse(annotation)


def choices(annotation: ast.expr | None, module: Module) -> list[str]:
    """The strings that a Literal (or a union with one) allows; empty for other types."""
    if isinstance(annotation, ast.BinOp):
        return choices(annotation.left, module) + choices(annotation.right, module)
    if isinstance(annotation, ast.Name):
        meaning = alias(module, annotation.id)
        return choices(*meaning) if meaning else []
    if isinstance(annotation, ast.Subscript):
        inner = annotation.slice
        parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
        name = ast.unparse(annotation.value).rpartition(".")[2]
        if name == "Literal":
            return [v for p in parts if isinstance(v := ast.literal_eval(p), str)]
        if name in ("Optional", "Union"):
            return [word for part in parts for word in choices(part, module)]
    return []
