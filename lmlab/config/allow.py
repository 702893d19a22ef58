"""The allow-list of `_target_`: what a configuration may have built. Nothing is imported here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from lmlab.config.definition import find_definition, user_packages

ROOMS: dict[str, tuple[str, ...]] = {
    "arch": ("arch",),
    "objective": ("objective",),
    "stage": ("stage", "scaling", "mesh"),
    "data": ("data",),
    "reward": ("rollout",),
    "tokenizer": ("data", "tokenizer"),
    "hardware": ("hardware", "mesh"),
    "optim": ("optim",),
    "track": ("track",),
    "launcher": ("sweep",),
}
# Rooms that a node inside another node may come from.
INNER = ("arch", "objective", "stage", "data", "tokenizer", "optim", "rollout", "metric")
# Exact names from other packages. None is needed so far.
EXACT: frozenset[str] = frozenset()
# The only thing Hydra's logging may hold: it opens no file.
NO_LOGGING = {"version": 1, "root": None, "disable_existing_loggers": False}
CALLING = ("_args_", "_recursive_", "_convert_")


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[Any, Any]]]:
    """Every mapping of a tree with its dotted path, lists included."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from nodes(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from nodes(value, f"{path}[{index}]")


def refusal(path: str, target: Any) -> str | None:
    """Why `target` may not stand in the node at `path`; None when it may."""
    group, _, rest = path.partition(".")
    if group not in ROOMS:
        return "nothing is built here"
    if not isinstance(target, str):
        return "must be the dotted path of a class, as text"
    if "${" in target:
        return "must be written out, not an interpolation"
    if target in EXACT:
        return None
    top, *parts = target.split(".")
    if top in user_packages():
        return None if find_definition(target) else "no such class in that package's source"
    rooms = INNER if rest else ROOMS[group]
    room = parts[0] if parts else ""
    where = " or ".join(f"lmlab.{name}" for name in rooms)
    if top != "lmlab" or room not in rooms:
        return f"not on the list of targets; here it must be a class of {where}"
    definition = find_definition(target)
    if definition is None or not isinstance(definition.node, ast.ClassDef):
        return f"{where} has no such class"
    home = definition.dotted.split(".")
    if home[:1] != ["lmlab"] or home[1] not in rooms or definition.node.name.startswith("_"):
        return f"not a public class defined in {where}"
    return None


def refused(tree: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """(path, value, reason) of every target, `_args_` and the like that is not allowed."""
    found: list[tuple[str, Any, str]] = []
    for path, node in nodes(tree):
        for key in CALLING:
            if key in node:
                found.append((f"{path}.{key}".lstrip("."), node[key], "is not allowed"))
        if "_target_" in node:
            reason = refusal(path, node["_target_"])
            if reason is not None:
                found.append((f"{path}._target_".lstrip("."), node["_target_"], reason))
        if not isinstance(node.get("_partial_", False), bool):
            found.append((f"{path}._partial_", node["_partial_"], "must be true or false"))
    return found


def refused_in_hydra(tree: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """The same for Hydra's own node: its shipped launcher and sweeper, and nothing else."""
    found: list[tuple[str, Any, str]] = []
    if tree.get("callbacks"):
        found.append(("hydra.callbacks", tree["callbacks"], "callbacks are not allowed"))
    for name in ("job_logging", "hydra_logging"):
        if tree.get(name) != NO_LOGGING:
            found.append((f"hydra.{name}", tree.get(name), "has no effect: lmlab logs by itself"))
    for path, node in nodes(tree, "hydra"):
        if path.startswith(("hydra.callbacks", "hydra.job_logging", "hydra.hydra_logging")):
            continue
        for key in (*CALLING, "()", "class"):
            if key in node:
                found.append((f"{path}.{key}", node[key], "is not allowed"))
        if "_target_" in node and node["_target_"] not in _shipped(path):
            reason = "not one of Hydra's own or an installed plugin's"
            found.append((f"{path}._target_", node["_target_"], reason))
    return found


def _shipped(path: str) -> set[str]:
    """Targets that Hydra and installed plugins registered for hydra.launcher or hydra.sweeper."""
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    group, _, name = path.partition(".")
    if name not in ("launcher", "sweeper"):
        return set()
    registered = ConfigStore.instance().repo.get(group, {}).get(name, {})
    contents = [OmegaConf.to_container(entry.node, resolve=False) for entry in registered.values()]
    return {
        str(node["_target_"]) for node in contents if isinstance(node, dict) and "_target_" in node
    }
