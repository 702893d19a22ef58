"""Comparing a config node with the signature it is for: keys first, then types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lmlab.config import annotation
from lmlab.config.definition import find_definition
from lmlab.config.schema import SECTIONS
from lmlab.config.signature import Signature, read_signature
from lmlab.config.suggest import nearest, nearest_path

SUPPLIED: dict[str, frozenset[str]] = {
    "arch": frozenset({"vocab", "vocab_size"}),
    "objective": frozenset({"vocab", "kind", "word_starts"}),
    "data": frozenset(
        {
            "tokenizer",
            "window",
            "collate",
            "kind",
            "seed",
            "step_sequences",
            "world_size",
            "rank",
            "cache_dir",
        }
    ),
    "stage": frozenset(
        {
            "arch",
            "objective",
            "optim",
            "plan",
            "data",
            "guard",
            "tokenizer",
            "open_run",
            "reward",
            "build_corpus",
            "add_lora",
            "without_lora",
        }
    ),
    "reward": frozenset({"open_run", "tokenizer"}),
    "optim": frozenset(),
    "hardware": frozenset(),
    "track": frozenset(
        {
            "run_dir",
            "root",
            "name",
            "tags",
            "params",
            "config_text",
            "run_id",
            "parent_run_id",
            "note",
        }
    ),
    "tokenizer": frozenset(),
}
# Nodes inside other nodes that lmlab completes like one of a group.
INSIDE = {r"reward\.rewards\.[^.]+\.reward": "reward", r"stage\.pretraining": "data"}
RESERVED = ("_target_", "_partial_")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where, the value there, what is wrong, and what would do."""

    path: str
    text: str
    value: Any = None
    has_value: bool = True
    hint: str | None = None


@dataclass(slots=True)
class Keys:
    """What a walk over the tree found: keys that exist, that should, and that should not."""

    known: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)  # path, owner
    unknown: list[tuple[str, Any, str, str]] = field(
        default_factory=list
    )  # path, value, leaf, owner
    supplied: list[tuple[str, Any]] = field(default_factory=list)
    siblings: dict[str, list[str]] = field(default_factory=dict)


@cache
def schema(name: str) -> Signature:
    """The signature of a dataclass of schema.py."""
    definition = find_definition(f"lmlab.config.schema.{name}")
    assert definition is not None, name
    return read_signature(definition)


def target_signature(node: Mapping[str, Any]) -> Signature | None:
    """The signature behind a node's `_target_`, if it has one that can be read."""
    definition = find_definition(str(node.get("_target_", "")))
    return None if definition is None else read_signature(definition)


# What a configuration may lack: of experiments and sweeps, and rewards where nothing is rewarded.
OPTIONAL = ("experiment", "sweep", "launcher", "reward")


def walk_keys(tree: Mapping[str, Any], groups: list[str]) -> Keys:
    """Compare the keys of every node with its signature."""
    found = Keys()
    root = [*schema("Root").keywords, *SECTIONS, *groups]
    found.siblings[""] = root
    for name in root:
        found.known.append(name)
        if name not in tree and name not in OPTIONAL:
            found.missing.append((name, "config"))
    for name, value in tree.items():
        if name not in root:
            found.unknown.append((str(name), value, str(name), "the configuration"))
        elif name in SECTIONS and isinstance(value, Mapping):
            _walk(found, name, value, schema(SECTIONS[name]), frozenset(), ())
        elif name in groups and isinstance(value, Mapping):
            _walk_target(found, name, value, SUPPLIED.get(name, frozenset()))
    return found


def _walk_target(found: Keys, path: str, node: Mapping[str, Any], supplied: frozenset[str]) -> None:
    signature = target_signature(node)
    if signature is None:
        found.missing.append((f"{path}._target_", path))
        return
    extra = (*RESERVED, "recipe") if path == "arch" else RESERVED
    _walk(found, path, node, signature, supplied, extra)
    if path == "arch" and isinstance(node.get("recipe"), Mapping):
        _walk(found, "arch.recipe", node["recipe"], schema("Recipe"), frozenset(), ())
    elif path == "arch" and "recipe" not in node:
        found.missing.append(("arch.recipe", signature.name))


def _walk(
    found: Keys,
    path: str,
    node: Mapping[str, Any],
    signature: Signature,
    supplied: frozenset[str],
    extra: tuple[str, ...],
) -> None:
    valid = [name for name in signature.keywords if name not in supplied]
    found.siblings[path] = [*valid, *(name for name in extra if name not in RESERVED)]
    found.known += [f"{path}.{name}" for name in found.siblings[path]]
    for name in valid:
        if name not in node and signature.keywords[name].required:
            found.missing.append((f"{path}.{name}", signature.name))
    for key, value in node.items():
        inner = f"{path}.{key}"
        if key in supplied and key in signature.keywords:
            found.supplied.append((inner, value))
        elif key not in valid and key not in extra:
            found.unknown.append((inner, value, str(key), signature.name))
        else:
            _walk_inner(found, inner, value)


def _supplied_inside(path: str) -> frozenset[str]:
    groups = [group for pattern, group in INSIDE.items() if re.fullmatch(pattern, path)]
    return SUPPLIED[groups[0]] if groups else frozenset()


def _walk_inner(found: Keys, path: str, value: Any) -> None:
    if isinstance(value, Mapping):
        if "_target_" in value:
            _walk_target(found, path, value, _supplied_inside(path))
        else:
            for key, item in value.items():
                _walk_inner(found, f"{path}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk_inner(found, f"{path}[{index}]", item)


def key_problems(found: Keys) -> list[Problem]:
    """Unknown and missing keys, each with the key it probably stands for."""
    problems, explained = [], set()
    missing = [path for path, _ in found.missing]
    for path, value, leaf, owner in found.unknown:
        parent = path.rpartition(".")[0]
        absent = [name.rpartition(".")[2] for name in missing if name.rpartition(".")[0] == parent]
        near = nearest(leaf, absent) if absent else None
        hint = f"{parent}.{near}".lstrip(".") if near else None
        if hint is None:
            hint = nearest_path(path, found.siblings.get(parent, []), found.known)
        explained.add(hint)
        hint = _with_rest(hint, value, found.known)
        text = f"{owner} has no setting {leaf!r}"
        problems.append(Problem(path, text, value, hint=hint))
    for path, value in found.supplied:
        problems.append(Problem(path, "lmlab supplies this itself; leave it out", value))
    for path, owner in found.missing:
        if path not in explained:
            problems.append(Problem(path, f"{owner} needs this setting", has_value=False))
    return problems


def _with_rest(hint: str | None, value: Any, known: list[str]) -> str | None:
    """`guard` for gaurd.spike=skip becomes guard.spike, when there is one."""
    full = hint
    while full is not None and isinstance(value, Mapping) and len(value) == 1:
        key, value = next(iter(value.items()))
        full = f"{full}.{key}"
    return full if full in known else hint


def type_problems(tree: Mapping[str, Any], groups: list[str]) -> list[Problem]:
    """Values that are not of the annotated type; `tree` is resolved and its keys are right."""
    problems: list[Problem] = []
    root = {name: tree[name] for name in schema("Root").keywords if name in tree}
    _compare(problems, "", root, schema("Root"))
    for name, title in SECTIONS.items():
        if name not in tree:
            continue
        if isinstance(tree[name], Mapping):
            _compare(problems, name, tree[name], schema(title))
        elif not (name == "experiment" and tree[name] is None):
            problems.append(Problem(name, "must be a mapping of settings", tree[name]))
    for name in groups:
        if isinstance(tree.get(name), Mapping):
            _compare_target(problems, name, tree[name])
        elif name in tree:
            problems.append(Problem(name, "must be one of its options", tree[name]))
    return problems


def _compare_target(problems: list[Problem], path: str, node: Mapping[str, Any]) -> None:
    signature = target_signature(node)
    if signature is not None:
        _compare(problems, path, node, signature)
    if path == "arch":
        if isinstance(node.get("recipe"), Mapping):
            _compare(problems, "arch.recipe", node["recipe"], schema("Recipe"))
        else:
            problems.append(Problem("arch.recipe", "must be a mapping", node.get("recipe")))


def _compare(
    problems: list[Problem], path: str, node: Mapping[str, Any], signature: Signature
) -> None:
    for key, value in node.items():
        keyword = signature.keywords.get(str(key))
        if keyword is None:
            continue
        inner = f"{path}.{key}".lstrip(".")
        module = keyword.owner.module
        if value == "???":
            problems.append(Problem(inner, "needs a value", has_value=False))
        elif not annotation.fits(value, keyword.annotation, module):
            wanted = annotation.describe(keyword.annotation, module)
            near = _value_hint(value, annotation.choices(keyword.annotation, module), wanted)
            hint = None if near is None else f"{inner}={near}"
            problems.append(Problem(inner, f"must be {wanted}", value, hint=hint))
        _compare_inner(problems, inner, value)


def _value_hint(value: Any, words: list[str], wanted: str) -> str | None:
    if isinstance(value, str) and words:
        return nearest(value, words)
    if isinstance(value, float) and value.is_integer() and "int" in wanted:
        return str(int(value))
    if isinstance(value, str) and value.lower() in ("none", "nil") and "null" in wanted.lower():
        return "null"
    return None


def _compare_inner(problems: list[Problem], path: str, value: Any) -> None:
    if isinstance(value, Mapping):
        if "_target_" in value:
            _compare_target(problems, path, value)
        else:
            for key, item in value.items():
                _compare_inner(problems, f"{path}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _compare_inner(problems, f"{path}[{index}]", item)
