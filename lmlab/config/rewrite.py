"""Hydra's and OmegaConf's own errors in the user's words."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

from lmlab.config.error import ConfigError
from lmlab.config.origin import readable
from lmlab.config.place import Places, groups, options
from lmlab.config.secrets import redact
from lmlab.config.suggest import nearest

COMMANDS = ("resume", "ui", "sync", "export", "chat", "help", "completion")


def rewrite(error: Exception, overrides: list[str], places: Places) -> ConfigError:
    """A ConfigError that says what `error` means; secrets are left out."""
    if isinstance(error, ConfigError):
        return error
    if isinstance(error, OverrideParseException):
        lines = _unreadable(error.override, str(error.message))
    elif isinstance(error, MissingConfigException):
        lines = _no_option(error, overrides, places)
    elif isinstance(error, yaml.MarkedYAMLError):
        lines = _bad_yaml(error)
    elif isinstance(error, OmegaConfBaseException):
        lines = interpolation_lines(error, [])
    else:
        lines = _other(error, overrides, places)
    return ConfigError([redact(line) for line in lines])


def _unreadable(override: str, message: str) -> list[str]:
    """An override that Hydra's grammar refuses."""
    word = override.strip()
    if re.fullmatch(r"[\w-]+", word):
        command = nearest(word, COMMANDS)
        hint = f"did you mean the command lmlab {command}?" if command else "write key=value"
        return [f"{override}: neither a command nor key=value; {hint}"]
    parts = [line.strip() for line in message.splitlines() if line.strip()]
    parts = [line for line in parts if not line.startswith(("Error parsing", "See "))]
    first = parts[0] if parts else "not key=value"
    return [
        f"{override}: cannot be read ({first})",
        f"  write key=value; quote text with special characters: '{_quoted(override)}'",
    ]


def _quoted(override: str) -> str:
    key, _, value = override.partition("=")
    return f'{key}="{value}"' if "=" in override else f"{override}=value"


def _no_option(error: MissingConfigException, overrides: list[str], places: Places) -> list[str]:
    """An option that is not there: the group's options, the nearest first."""
    name = str(error.missing_cfg_file)
    group, _, option = name.rpartition("/")
    known = list(error.options or options(places, group))
    typed = next((text for text in overrides if text.lstrip("+~") == f"{group}={option}"), None)
    where = re.match(r"In '([^']+)'", str(error))
    if typed is None and where and where.group(1) != "config":
        typed = f"{group}={option} (in {_file(where.group(1), places)})"
    near = nearest(option, known)
    hint = f"; did you mean {group}={near}?" if near else ""
    lines = [f"{typed or f'{group}={option}'}: no such option{hint}"]
    return [*lines, f"  {group}: {_short(known)}"] if known else lines


def _short(names: list[str], limit: int = 40) -> str:
    more = f" ... ({len(names)} in all)" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _file(name: str, places: Places) -> str:
    group, _, option = name.rpartition("/")
    roots = places.experiments if group == "experiment" else [p / group for p in places.conf]
    for root in roots:
        if (root / f"{option}.yaml").is_file():
            return readable(root / f"{option}.yaml")
    return name


def _bad_yaml(error: yaml.MarkedYAMLError) -> list[str]:
    mark = error.problem_mark or error.context_mark
    where = f"{readable(Path(mark.name))}:{mark.line + 1}: " if mark else ""
    return [f"{where}not readable as YAML: {error.problem or error}"]


def interpolation_lines(error: OmegaConfBaseException, paths: list[str]) -> list[str]:
    """An interpolation that leads nowhere, or an environment variable that is not set."""
    message = (error.msg or str(error)).splitlines()[0]
    key = error.full_key or "the configuration"
    missing = re.search(r"Environment variable '([^']+)' not found", message)
    if missing:
        name = missing.group(1)
        return [f"{key}: the environment variable {name} is not set; run `export {name}=...` first"]
    unknown = re.search(r"Interpolation key '([^']+)' not found", message)
    if unknown or isinstance(error, InterpolationKeyError):
        name = unknown.group(1) if unknown else message
        near = nearest(name, paths)
        hint = f"; did you mean ${{{near}}}?" if near else ""
        return [f"{key}: ${{{name}}} refers to a setting that does not exist{hint}"]
    return [f"{key}: {message}"]


def _other(error: Exception, overrides: list[str], places: Places) -> list[str]:
    """Everything else that composition raises."""
    message, cause = str(error).strip(), error.__cause__
    typed = next((text for text in overrides if text and text.lstrip("+~") in message), None)
    if cause is not None and (not message or message.startswith("Error merging override")):
        message = str(cause)
    known = _known(message, typed, overrides, places)
    if known is not None:
        return known
    first = [line.strip() for line in message.splitlines() if line.strip()][:5]
    if not first:
        return [f"{type(error).__name__} while composing the configuration"]
    return [f"{typed}:", *first] if typed and typed not in first[0] else first


def _known(
    message: str, typed: str | None, overrides: list[str], places: Places
) -> list[str] | None:
    """Better words for the messages of Hydra that users meet; None for others."""
    group = re.search(r"Could not override '/?([\w/@.]+)'.*No match in the defaults list", message)
    if group:
        return _no_group(group.group(1), message, overrides, places)
    if message.startswith("Config group override must be"):
        return _not_an_option(overrides, places)
    if message.startswith("Ambiguous value"):
        return _ambiguous(typed or message.split("'")[1])
    if typed is not None and "requires --multirun" in message:
        return [f"{typed}: a sweep; run it with lmlab -m"]
    if typed is not None and "already at" in message:
        return [f"{typed}: this setting exists; write {typed.lstrip('+')}"]
    if typed is not None and message.startswith("Could not override"):
        return [f"{typed}: there is no such setting or group here"]
    full = re.search(r"full_key: (\S+)", message)
    if full and re.search(r"Key '([^']+)' (?:is )?not in", message):
        start = typed or next((t for t in overrides if full.group(1) in t), full.group(1))
        return [f"{start}: there is no setting {full.group(1)}"]
    return None


def _ambiguous(override: str) -> list[str]:
    name, _, values = override.partition("=")
    return [
        f"{override}: more than one value",
        f"  to run one job for each: lmlab -m {override}",
        f"  for a list: {name}=[{values}]; for text with commas: '{name}=\"{values}\"'",
    ]


def _not_an_option(overrides: list[str], places: Places) -> list[str]:
    known = [*groups(places), "experiment"]
    text = next((t for t in overrides if t.lstrip("+").partition("=")[0] in known), "")
    group = text.lstrip("+").partition("=")[0]
    return [f"{text}: must be one of its options", f"  {_short(options(places, group))}"]


def _no_group(name: str, message: str, overrides: list[str], places: Places) -> list[str]:
    known = [*groups(places), "experiment"]
    where = re.match(r"In '([^']+)'", message)
    near = nearest(name, known)
    typed = next((t for t in overrides if t.lstrip("+~").startswith(name + "=")), None)
    start = typed or (f"{_file(where.group(1), places)}: override {name}" if where else name)
    hint = f"; did you mean {near}?" if near else ""
    return [f"{start}: no such group{hint}", f"  groups: {', '.join(known)}"]
