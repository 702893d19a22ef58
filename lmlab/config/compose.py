"""Composition with Hydra's loader alone: no callback, no log, no folder, errors for people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml
from hydra import version
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from lmlab.config.error import ConfigError
from lmlab.config.origin import Origins
from lmlab.config.place import Places
from lmlab.config.rewrite import rewrite
from lmlab.config.source import make_loader

# What of Hydra's own node may be set: the rest would have no effect, lmlab runs its jobs itself.
# hydra.searchpath is not among them: a `pkg://` in it imports a package before any check.
HYDRA_KEYS = ("hydra.mode", "hydra.sweeper")
# A run by what it is, `latest:stage=sft,arch=gpt_tiny`: one value, though Hydra's grammar would want
# quotes around it, for its signs and commas.
LATEST = re.compile(r"([^=\s'\"]+)=(latest:[^'\"\[\]{}]*)")
EXPECTED = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Composed:
    """One composed, unchecked configuration; `cfg` is without the node `hydra`."""

    cfg: DictConfig
    hydra: DictConfig
    overrides: list[str]
    origins: Origins

    @property
    def choices(self) -> dict[str, Any]:
        """Options by group, Hydra's own groups left out."""
        chosen = OmegaConf.to_container(self.hydra.runtime.choices)
        assert isinstance(chosen, dict)
        return {str(k): v for k, v in chosen.items() if not str(k).startswith("hydra/")}


class Composer:
    """Composes configurations from a fixed set of folders."""

    def __init__(self, places: Places) -> None:
        version.setbase("1.3")
        setup_globals()
        self.places = places
        self.loader = make_loader(places)

    def parse(self, overrides: list[str]) -> list[Override]:
        """Overrides by Hydra's grammar. Raises: ConfigError naming the one that cannot be read."""
        quoted = [
            LATEST.sub(r'\1="\2"', text) if LATEST.fullmatch(text) else text for text in overrides
        ]
        try:
            return OverridesParser.create(self.loader).parse_overrides(quoted)
        except EXPECTED as error:
            raise rewrite(error, overrides, self.places) from error

    def compose(self, overrides: list[str], run_mode: RunMode = RunMode.RUN) -> Composed:
        """The configuration for these overrides. Raises: ConfigError."""
        parsed = self.parse(overrides)
        self._check_hydra_keys(parsed)
        composed = [self._open(override) for override in parsed]
        try:
            cfg = self.loader.load_configuration("config", composed, run_mode)
        except EXPECTED as error:
            raise rewrite(error, overrides, self.places) from error
        hydra = cfg.hydra
        with open_dict(cfg):
            del cfg["hydra"]
        OmegaConf.set_struct(cfg, False)
        task = [o.input_line or "" for o in parsed if not o.is_hydra_override()]
        typed, groups = [], {}
        for override in parsed:
            if self._is_choice(override):
                at = f"@{override.package}" if override.package else ""
                groups[override.key_or_group + at] = override.input_line or ""
            else:
                typed.append((override.key_or_group, override.input_line or ""))
        return Composed(cfg, hydra, task, Origins(self.loader, composed, typed, groups))

    def _is_choice(self, override: Override) -> bool:
        """Whether it chooses an option of a group, rather than setting a value."""
        if override.is_sweep_override() or isinstance(override.value(), dict):
            return False
        return bool(self.loader.repository.group_exists(override.key_or_group))

    def _open(self, override: Override) -> str:
        """Plain value overrides may add keys here: the check that follows explains them better."""
        text = override.input_line or ""
        plain = not (override.is_add() or override.is_force_add() or override.is_delete())
        if not plain or override.package is not None or override.is_hydra_override():
            return text
        if override.is_sweep_override() or self.loader.repository.group_exists(
            override.key_or_group
        ):
            return text
        return f"++{text}"

    def _check_hydra_keys(self, parsed: list[Override]) -> None:
        for override in parsed:
            key = override.key_or_group
            if not override.is_hydra_override():
                continue
            allowed = key in HYDRA_KEYS or key.startswith(tuple(f"{k}." for k in HYDRA_KEYS))
            if not allowed and key.partition("/")[0] == "hydra":
                continue  # a group of Hydra's: the check of targets judges what it brings
            if not allowed:
                may = ", ".join(HYDRA_KEYS)
                text = f"has no effect here; of Hydra's own settings only {may} may be set"
                raise ConfigError([f"{override.input_line}: {text}"])
