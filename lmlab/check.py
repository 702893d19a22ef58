"""The composed configuration is checked before anything is imported, built or written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lmlab.config import allow, resolve
from lmlab.config.catalog import targets
from lmlab.config.compose import Composed
from lmlab.config.error import ConfigError
from lmlab.config.fit import fit_problems
from lmlab.config.node import Problem, key_problems, type_problems, walk_keys
from lmlab.config.origin import Origins
from lmlab.config.place import GROUPS, Places, find_places, options
from lmlab.config.rewrite import interpolation_lines
from lmlab.config.secrets import HIDDEN, is_secret_key, literal_secrets, redact
from lmlab.config.suggest import nearest
from lmlab.config.typed import typed_problems

__all__ = ["ConfigError", "check", "check_composed", "check_config_from_checkpoint"]


def check(
    cfg: DictConfig,
    hydra_cfg: DictConfig | None,
    overrides: list[str],
    origins: Origins | None = None,
    places: Places | None = None,
) -> None:
    """Targets, secrets, keys, types, and settings that do not fit each other.

    cfg: without the node `hydra`; hydra_cfg: that node. Nothing that cfg names is imported.
    Raises: ConfigError with all mistakes of the first kind that was found.
    """
    places = places or find_places()
    typed = [(text.lstrip("+~").partition("=")[0], text) for text in overrides]
    origins = origins or Origins(None, [], typed)
    raw = resolve.raw(cfg)
    _stop(_secrets(raw), origins)
    _stop(_targets(raw, places), origins)
    if hydra_cfg is not None:
        _stop(_hydra(hydra_cfg), origins)
    _check_values(cfg, origins, places)


def _check_values(cfg: DictConfig, origins: Origins, places: Places) -> None:
    """Keys as written, then everything that needs resolved values."""
    raw = resolve.raw(cfg)
    found = walk_keys(raw, list(GROUPS))
    _stop(_with_options(key_problems(found), places), origins)
    try:
        values = resolve.plain(cfg)
    except OmegaConfBaseException as error:
        lines = interpolation_lines(error, found.known)
        raise ConfigError([redact(line) for line in lines]) from error
    _stop(_targets(values, places), origins)
    _stop(key_problems(walk_keys(values, list(GROUPS))), origins)
    _stop(type_problems(values, list(GROUPS)), origins)
    _stop([*fit_problems(values, places), *typed_problems(values, origins)], origins)


def check_composed(composed: Composed, places: Places) -> None:
    """The same for what a Composer gave; options that would be shadowed are refused too."""
    _stop(_shadowed(composed, places), composed.origins)
    check(composed.cfg, composed.hydra, composed.overrides, composed.origins, places)


def check_config_from_checkpoint(config: Mapping[str, Any]) -> None:
    """The same gate for a configuration that was read back, resolved or not. Raises: ConfigError.

    Secrets are not looked for: in this process they are resolved, and nothing is written from it.
    """
    origins, places = Origins(None, [], []), find_places()
    cfg = OmegaConf.create(dict(config))
    _stop(_targets(resolve.raw(cfg), places), origins)
    _check_values(cfg, origins, places)


def _secrets(raw: dict[str, Any]) -> list[Problem]:
    text = "a secret must not be written out; put it in the environment and write ${oc.env:NAME}"
    return [Problem(path, text, HIDDEN) for path in literal_secrets(raw)]


def _targets(tree: dict[str, Any], places: Places) -> list[Problem]:
    problems = []
    for path, value, text in allow.refused(tree):
        group = path.partition(".")[0]
        known = targets(places, group).values() if group in GROUPS else []
        known = [name for name in dict.fromkeys(known) if not allow.refusal(group, name)]
        near = nearest(str(value), known) or next(iter(known), None)
        problems.append(Problem(path, text, value, hint=near))
    return problems


def _hydra(hydra_cfg: DictConfig) -> list[Problem]:
    tree = resolve.raw(hydra_cfg)
    return [Problem(path, text, value) for path, value, text in allow.refused_in_hydra(tree)]


def _with_options(problems: list[Problem], places: Places) -> list[Problem]:
    """A group without a choice: name its options."""
    return [
        Problem(p.path, f"choose one of: {', '.join(options(places, p.path))}", has_value=False)
        if not p.has_value and p.path in GROUPS
        else p
        for p in problems
    ]


def _shadowed(composed: Composed, places: Places) -> list[Problem]:
    """An option of the user with the name of one of lmlab's would silently not be used."""
    problems = []
    for group, option in composed.choices.items():
        roots = places.experiments if group == "experiment" else [p / group for p in places.conf]
        files = [file for root in roots if (file := Path(root) / f"{option}.yaml").is_file()]
        if len(files) > 1:
            text = f"there are two files of this name, {files[0]} and {files[1]}; rename the second"
            problems.append(Problem(group, text, option))
    return problems


def _stop(problems: list[Problem], origins: Origins) -> None:
    if problems:
        raise ConfigError([_line(problem, origins) for problem in problems])


def _line(problem: Problem, origins: Origins) -> str:
    """`where=value: what is wrong; did you mean ...?`, with the file or the override as typed."""
    typed = origins.override(problem.path) if problem.has_value else None
    if typed is not None:
        start = typed
    else:
        path = problem.path if problem.has_value else problem.path.rpartition(".")[0]
        file = origins.file(path) if path else None
        start = f"{file}: {_setting(problem)}" if file else _setting(problem)
    hint = f"; did you mean {problem.hint}?" if problem.hint else ""
    return redact(f"{redact(start)}: {problem.text}{hint}")


def _setting(problem: Problem) -> str:
    if not problem.has_value:
        return problem.path
    leaf = problem.path.rpartition(".")[2]
    value = HIDDEN if is_secret_key(leaf) else _short(problem.value)
    return f"{problem.path}={value}"


def _short(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
