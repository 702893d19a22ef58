"""Settings that are right one by one and wrong together, or have no effect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lmlab.config.allow import nodes
from lmlab.config.catalog import options_where, read_yaml
from lmlab.config.definition import find_definition, literal
from lmlab.config.fit_hardware import hardware_problems
from lmlab.config.needs import needs_model
from lmlab.config.node import Problem
from lmlab.config.place import Places, options
from lmlab.config.schema import EFFECTIVE_WITH, POSITIVE
from lmlab.config.signature import read_signature

# The family of an objective or of data that names none: it scores, or yields, a token stream.
TOKENS = "tokens"


def select(tree: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None where there is none."""
    value: Any = tree
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


FITS = "fits"


def fit_problems(tree: Mapping[str, Any], places: Places) -> list[Problem]:
    """All rules over more than one setting, on a resolved tree with right keys and types."""
    return [
        *_numbers(tree),
        *_architecture(tree, places),
        *_heads(tree),
        *_idle(tree),
        *_stage(tree, places),
        *_reward(tree, places),
        *_only_with(tree),
        *_without_effect(tree, places),
        *hardware_problems(tree),
    ]


def _numbers(tree: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for path in POSITIVE:
        value = select(tree, path)
        if value is not None and not (value > 0 and math.isfinite(value)):
            problems.append(Problem(path, "must be a number above 0", value))
    tokens = select(tree, "budget.tokens")
    if isinstance(tokens, float) and math.isfinite(tokens) and not tokens.is_integer():
        problems.append(Problem("budget.tokens", "must be a whole number", tokens))
    if tree.get("seed", 0) < 0:
        problems.append(Problem("seed", "must be 0 or more", tree["seed"]))
    return problems


def _class_constant(tree: Mapping[str, Any], group: str, name: str) -> Any:
    return literal(select(tree, f"{group}._target_"), name)


def _architecture(tree: Mapping[str, Any], places: Places) -> list[Problem]:
    """The objective must fit the kind of architecture (decoder, encoder, encoder_decoder)."""
    kind, stage_says = _class_constant(tree, "arch", "kind"), objective_kinds(tree)
    wanted = _class_constant(tree, "objective", stage_says)
    wanted = () if wanted is None and stage_says != FITS else wanted
    if kind is None or wanted is None or kind in wanted or not needs_model(tree):
        return []
    archs = options_where(places, "arch", "kind", wanted)
    objectives = _of_stage(tree, places, options_where(places, "objective", stage_says, (kind,)))
    do = [f"arch={_some(archs)}"] if archs else []
    do += [f"objective={_some(objectives)}"] if objectives else []
    names = (str(select(tree, f"{group}._target_")) for group in ("objective", "arch", "stage"))
    name, arch, stage = (name.rpartition(".")[2] for name in names)
    text = f"needs an architecture that is {' or '.join(wanted)}, and this one is {kind}"
    text = f"objective {name} {text} (arch {arch})"
    if not wanted:
        text = f"objective {name} teaches no architecture what stage {stage} asks of it"
    return [Problem("objective", text, has_value=False, hint=" or ".join(do) or None)]


def objective_kinds(tree: Mapping[str, Any]) -> str:
    """The class literal of objectives that names the kinds of architecture this stage takes."""
    return _class_constant(tree, "stage", "objective_kinds") or FITS


def _heads(tree: Mapping[str, Any]) -> list[Problem]:
    """An objective that uses a next-sentence head needs an architecture that was given one."""
    uses = _class_constant(tree, "objective", "uses") or ()
    if "next_sentence" not in uses or select(tree, "arch.pooler") is not False:
        return []
    text = "needs a next-sentence head, which an architecture with arch.pooler=false does not have"
    hint = "arch.pooler=true, or objective=mlm"
    return [Problem("objective", text, has_value=False, hint=hint)]


def _idle(tree: Mapping[str, Any]) -> list[Problem]:
    """Values that an objective or data say have no effect on that kind of architecture."""
    kind = _class_constant(tree, "arch", "kind")
    problems = []
    for group in ("objective", "data"):
        idle = _class_constant(tree, group, "idle_on")
        for key, value in (idle.get(kind, {}) if isinstance(idle, dict) else {}).items():
            found = select(tree, f"{group}.{key}")
            if found is not None and found == value:
                text = f"has no effect on an architecture that is {kind}"
                problems.append(Problem(f"{group}.{key}", text, found))
    return problems


def _some(names: list[str]) -> str:
    """At most eight names, and how many more there are."""
    more = f"|... ({len(names) - 7} more)" if len(names) > 8 else ""
    return "|".join(names[:7] if more else names) + more


def _of_stage(tree: Mapping[str, Any], places: Places, objectives: list[str]) -> list[str]:
    """Those objectives that the chosen stage takes."""
    accepts = _class_constant(tree, "stage", "accepts")
    wanted = accepts.get("objective") if isinstance(accepts, dict) else None
    if wanted is None:
        return objectives
    fitting = options_where(places, "objective", "family", wanted)
    fitting += options_where(places, "objective", "family", (None,)) if TOKENS in wanted else []
    return [name for name in objectives if name in fitting]


def _of_kind(tree: Mapping[str, Any], places: Places, objectives: list[str]) -> list[str]:
    """Those objectives that fit the chosen architecture; all where none does."""
    kind = _class_constant(tree, "arch", "kind")
    says = objective_kinds(tree)
    fitting = options_where(places, "objective", says, (kind,))
    fitting += options_where(places, "objective", says, (None,)) if says == FITS else []
    return [name for name in objectives if name in fitting] or objectives


def _stage(tree: Mapping[str, Any], places: Places) -> list[Problem]:
    """A stage says which kinds of architecture and which families of objective and data it takes."""
    accepts = _class_constant(tree, "stage", "accepts")
    problems = []
    for group, wanted in accepts.items() if isinstance(accepts, dict) else ():
        literal = "kind" if group == "arch" else "family"
        found = _class_constant(tree, group, literal) or TOKENS
        if found in wanted:
            continue
        names = options_where(places, group, literal, wanted)
        names += options_where(places, group, literal, (None,)) if TOKENS in wanted else []
        names = _of_kind(tree, places, names) if group == "objective" else names
        stage = str(select(tree, "stage._target_")).rpartition(".")[2]
        text = f"stage {stage} does not take {group} of kind {found}, only {' or '.join(wanted)}"
        hint = f"{group}={_some(names)}" if names else None
        problems.append(Problem(group, text, has_value=False, hint=hint))
    return problems


def _reward(tree: Mapping[str, Any], places: Places) -> list[Problem]:
    """A reward is chosen where the stage takes one, and nowhere else."""
    definition = find_definition(str(select(tree, "stage._target_")))
    if definition is None:
        return []
    takes, given = "reward" in read_signature(definition).keywords, tree.get("reward") is not None
    if takes and not given:
        return [
            Problem("reward", f"choose one of: {_some(options(places, 'reward'))}", None, False)
        ]
    if given and not takes:
        stage = str(select(tree, "stage._target_")).rpartition(".")[2]
        return [Problem("reward", f"has no effect: stage {stage} takes none", tree["reward"])]
    return []


def _only_with(tree: Mapping[str, Any]) -> list[Problem]:
    """Settings that their own class says do nothing unless a neighbour has a certain value."""
    problems = []
    for path, node in nodes(dict(tree)):
        rules = literal(node.get("_target_"), "only_with")
        for key, conditions in rules.items() if isinstance(rules, dict) else ():
            if node.get(key) is None or isinstance(node[key], Mapping):
                continue  # a node that stands there by default: lmlab/config/typed.py
            for other, values in conditions.items():
                if node.get(other) not in values:
                    text = needs(f"{path}.{other}", values, node.get(other))
                    hint = f"{path}.{key}=null"
                    problems.append(Problem(f"{path}.{key}", text, node[key], hint=hint))
    return problems


def needs(other: str, values: tuple[Any, ...], value: Any) -> str:
    """What is said of a setting that only has an effect with some values of another."""
    shown = "null" if value is None else value
    return f"has no effect with {other}={shown}, only with {other}={'|'.join('null' if each is None else str(each) for each in values)}"


def _without_effect(tree: Mapping[str, Any], places: Places) -> list[Problem]:
    """Changed settings of config.yaml that another setting has switched off."""
    defaults = read_yaml(places.conf[0] / "config.yaml")
    problems = []
    for path, (other, values) in EFFECTIVE_WITH.items():
        value, default = select(tree, path), select(defaults, path)
        if value != default and select(tree, other) not in values:
            problems.append(Problem(path, needs(other, values, select(tree, other)), value))
    return problems
