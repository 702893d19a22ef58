"""What the option files say, read as plain YAML: which option has which target."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from lmlab.config.definition import literal
from lmlab.config.place import Places, options


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in a YAML file, not to be changed; empty for anything else."""
    try:
        return _parse(file, file.stat().st_mtime_ns)
    except (OSError, yaml.YAMLError):
        return {}


@lru_cache(maxsize=1024)
def _parse(file: Path, changed: int) -> dict[str, Any]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


def target_of(places: Places, group: str, option: str, depth: int = 0) -> str | None:
    """The `_target_` of an option, its own or that of a file it extends."""
    for root in places.conf:
        file = root / group / f"{option}.yaml"
        if not file.is_file():
            continue
        content = read_yaml(file)
        node = content.get(group) if isinstance(content.get(group), dict) else content
        if isinstance(node, dict) and isinstance(node.get("_target_"), str):
            return str(node["_target_"])
        for base in _bases(content, group):
            found = target_of(places, group, base, depth + 1) if depth < 8 else None
            if found is not None:
                return found
    return None


def _bases(content: dict[str, Any], group: str) -> list[str]:
    """Options of the same group that a file's defaults list names, the last (strongest) first."""
    found = []
    for entry in reversed(content.get("defaults") or []):
        name = str(entry)
        if isinstance(entry, dict):
            key, value = next(iter(entry.items()))
            name = f"{str(key).partition('@')[0]}/{value}"
        name, _, package = name.partition("@")
        name = name.removeprefix(f"/{group}/")
        if package not in ("", "_here_"):
            continue  # it fills a key, not the node itself
        if name != "_self_" and not name.startswith(("/", "override ")):
            found.append(name)
    return found


def targets(places: Places, group: str) -> dict[str, str]:
    """Options of a group and their targets."""
    found = {option: target_of(places, group, option) for option in options(places, group)}
    return {option: target for option, target in found.items() if target is not None}


def options_where(places: Places, group: str, name: str, wanted: Any) -> list[str]:
    """Options whose class says that `name` is, or contains, one of `wanted`."""
    found = []
    for option, target in targets(places, group).items():
        value = literal(target, name)
        values = value if isinstance(value, tuple | list) else (value,)
        if any(item in wanted for item in values):
            found.append(option)
    return found
