"""Settings that the configuration of an older run lacks: the defaults that their options have now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.node import OPTIONAL, SECTIONS
from lmlab.config.place import Places


def filled(
    config: Mapping[str, Any], choices: Mapping[str, str | None], places: Places
) -> tuple[dict[str, Any], list[str]]:
    """The resolved configuration with what it lacks, and each setting that was added, as `key=value`.

    choices: the option of each group, as the run's record has them. Only nodes of the same class are
    filled; what the run had stays as it was, and so do mappings whose keys are the user's own.
    Nothing is added where an option is gone, or where what it says now cannot be resolved here.
    """
    words = [
        f"{group}={option}"
        for group, option in choices.items()
        if option is not None and group != "experiment"
    ]
    try:
        now = OmegaConf.to_container(Composer(places).compose(words).cfg, resolve=False)
    except ConfigError:
        return dict(config), []
    assert isinstance(now, dict)
    for name in OPTIONAL:
        now.pop(name, None)
    added: dict[str, Any] = {}
    whole = _fill(dict(config), now, "", added)
    if not added:
        return dict(config), []
    try:
        found = OmegaConf.to_container(OmegaConf.create(whole), resolve=True)
    except OmegaConfBaseException:
        return dict(config), []
    assert isinstance(found, dict)
    # As written, not as resolved: that may be a secret of the environment.
    said = [f"{path}={value}" for path, value in added.items()]
    return {str(key): value for key, value in found.items()}, said


def _fill(node: dict[str, Any], now: Any, path: str, added: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(now, dict) or node.get("_target_") != now.get("_target_"):
        return node
    result = dict(node)
    for key, value in now.items():
        where = f"{path}.{key}" if path else key
        if key not in node and ("_target_" in now or path in ("", *SECTIONS)):
            result[key] = added[where] = value
        elif key not in node:
            continue
        elif isinstance(node[key], dict):
            result[key] = _fill(node[key], value, where, added)
    return result
