"""Finding a class or function in source text from its dotted path, without importing anything."""

from __future__ import annotations

import ast
import os
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from lmlab.config.place import PACKAGE

DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+")
Named = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """A parsed source file; `package` is the dotted name that relative imports start from."""

    name: str
    package: str
    path: Path
    tree: ast.Module


@dataclass(frozen=True, slots=True)
class Definition:
    """A class or function and the module whose text defines it."""

    module: Module
    node: Named

    @property
    def dotted(self) -> str:
        """The path of the definition itself, after all re-exports."""
        return f"{self.module.name}.{self.node.name}"


def user_packages() -> tuple[str, ...]:
    """Packages of the user that targets may come from: the environment's LMLAB_ALLOW=a,b."""
    names = (name.strip() for name in os.environ.get("LMLAB_ALLOW", "").split(","))
    return tuple(name for name in names if name.isidentifier())


@lru_cache(maxsize=64)
def _root(top: str, search: tuple[str, ...]) -> Path | None:
    """Folder or file of a top-level package."""
    if top == "lmlab":
        return PACKAGE
    spec = PathFinder.find_spec(top, list(search))
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None


@lru_cache(maxsize=512)
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def load_module(name: str) -> Module | None:
    """The module of that name in lmlab or in an allowed package of the user, parsed; or None."""
    top, *rest = name.split(".")
    if top != "lmlab" and top not in user_packages():
        return None
    root = _root(top, (*sys.path, os.getcwd()))
    if root is None:
        return None
    folder = root.joinpath(*rest)
    package = folder / "__init__.py"
    if package.is_file():
        return Module(name, name, package, _parse(package))
    file = root if root.suffix == ".py" and not rest else folder.with_name(folder.name + ".py")
    if file.is_file():
        return Module(name, name.rpartition(".")[0], file, _parse(file))
    return None


def find_definition(dotted: str) -> Definition | None:
    """The class or function that `dotted` names, re-exports followed; None for anything else.

    An attribute of an imported module (`lmlab.arch.gpt.torch.load`) is not found, nor is a method.
    """
    if not DOTTED.fullmatch(dotted):
        return None
    module_name, _, name = dotted.rpartition(".")
    module = load_module(module_name)
    return None if module is None else look_up(module, name)


def look_up(module: Module, name: str, depth: int = 0) -> Definition | None:
    """What a bare name means at the end of a module: a class or function in allowed text."""
    for statement in reversed(module.tree.body):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
            return Definition(module, statement)
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    return _follow(module, statement, alias.name, depth)
        elif name in _bound(statement):
            return None
    return None


def _follow(module: Module, statement: ast.ImportFrom, name: str, depth: int) -> Definition | None:
    origin = statement.module or ""
    if statement.level:
        parts = module.package.split(".")
        parts = parts[: len(parts) - statement.level + 1]
        origin = ".".join([*parts, origin] if origin else parts)
    source = load_module(origin) if depth < 8 and origin else None
    return None if source is None else look_up(source, name, depth + 1)


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement binds, other than by def, class and from-import."""
    if isinstance(statement, ast.Import):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def constant(definition: Definition, name: str) -> object | None:
    """The literal that a class (or a base of it in allowed text) assigns to `name`, or None."""
    if not isinstance(definition.node, ast.ClassDef):
        return None
    for statement in definition.node.body:
        target: ast.expr | None = None
        if isinstance(statement, ast.AnnAssign):
            target = statement.target
        elif isinstance(statement, ast.Assign):
            target = statement.targets[0]
        else:
            continue
        if isinstance(target, ast.Name) and target.id == name and statement.value is not None:
            try:
                return ast.literal_eval(statement.value)
            except ValueError:
                return None
    found = (constant(base, name) for base in bases(definition))
    return next((value for value in found if value is not None), None)


def literal(target: object, name: str) -> Any:
    """The same of the class that a `_target_` names; None where there is no such class."""
    definition = find_definition(str(target))
    return None if definition is None else constant(definition, name)


def bases(definition: Definition) -> list[Definition]:
    """The base classes whose text can be read; others (nn.Module, ...) are left out."""
    if not isinstance(definition.node, ast.ClassDef):
        return []
    found: list[Definition] = []
    for base in definition.node.bases:
        expression = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(expression, ast.Name):
            known = look_up(definition.module, expression.id)
        else:
            known = _dotted_base(definition.module, ast.unparse(expression))
        if known is not None and known.node is not definition.node:
            found.append(known)
    return found


def _dotted_base(module: Module, dotted: str) -> Definition | None:
    """A base written as `module.Class`, where `module` was imported by name or with an alias."""
    head, _, rest = dotted.partition(".")
    for statement in module.tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.asname == head and rest:
                    return find_definition(f"{alias.name}.{rest}")
        elif isinstance(statement, ast.ImportFrom) and statement.level == 0:
            for alias in statement.names:
                if (alias.asname or alias.name) == head and rest:
                    return find_definition(f"{statement.module}.{alias.name}.{rest}")
    return find_definition(dotted)
