"""Nodes that stand in a configuration by default: whether one was chosen or changed for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmlab.config.allow import nodes
from lmlab.config.definition import literal
from lmlab.config.fit import needs
from lmlab.config.node import Problem
from lmlab.config.origin import Origins


def typed_problems(tree: Mapping[str, Any], origins: Origins) -> list[Problem]:
    """Nodes that their class says (`only_with`) do nothing here, where an override was typed for one.

    Other settings of that kind are null by default; a node that is a choice of an option cannot be.
    """
    problems = []
    for path, node in nodes(dict(tree)):
        rules = literal(node.get("_target_"), "only_with")
        for key, conditions in rules.items() if isinstance(rules, dict) else ():
            where = f"{path}.{key}"
            if not isinstance(node.get(key), Mapping) or origins.override(where) is None:
                continue
            for other, values in conditions.items():
                if node.get(other) not in values:
                    text = needs(f"{path}.{other}", values, node.get(other))
                    problems.append(Problem(where, text, node[key]))
    return problems
