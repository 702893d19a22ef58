"""A new run's folder with its config.yaml: the only thing a worker is started with."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig

from lmlab import __version__
from lmlab.config.error import ConfigError
from lmlab.config.origin import readable
from lmlab.config.resolve import without_environment
from lmlab.config.secrets import redact

MAX_NAME = 60
LOCK = "run.lock"  # held by process 0 of whoever trains in the folder


def slug(text: str) -> str:
    """Letters, digits and . _ - of `text`, at most 60 of them, beginning with a letter or digit."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", text)
    kept = re.sub(r"\.{2,}", ".", kept).strip("-._")[:MAX_NAME]
    return kept.strip("-._") or "run"


def name_of(config: Mapping[str, Any], overrides: list[str]) -> str:
    """run.name, or the overrides without what is not worth a name, or `run`."""
    name = config["run"]["name"]
    if name is not None:
        return slug(name)
    words = [text for text in overrides if not text.lstrip("+").startswith(("run.", "debug="))]
    return slug("_".join(redact(text).replace("=", "-") for text in words))


def create(
    cfg: DictConfig,
    choices: Mapping[str, Any],
    overrides: list[str],
    parent_run_id: str | None = None,
    label: str | None = None,
) -> Path:
    """Make `<run.root>/<time>-<name>-<hash>/`, write config.yaml into it, return the folder.

    label: what the run is called where it is compared; None: its overrides.
    Values that came from the environment are written as `${oc.env:NAME}`.
    Raises: ConfigError when the folder cannot be made.
    """
    config = without_environment(cfg)
    digest = hashlib.sha256(dump(config).encode()).hexdigest()[:6]
    words = overrides if label is None else [*_experiment(choices), *label.split()]
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{name_of(config, words)}-{digest}"
    folder = _make(config["run"]["root"], name)
    record = {
        "config": config,
        "choices": dict(choices),
        "overrides": [redact(text) for text in overrides],
        "parent_run_id": parent_run_id,
        "label": None if label is None else redact(label),
        "version": __version__,
    }
    temporary = folder / ".config.yaml.tmp"
    temporary.write_text(dump(record), encoding="utf-8")
    os.replace(temporary, folder / "config.yaml")
    return folder


def _experiment(choices: Mapping[str, Any]) -> list[str]:
    return [str(choices["experiment"])] if choices.get("experiment") else []


def forget(folder: Path) -> None:
    """Remove the folder of a run that ended before it began: nothing in it but config.yaml."""
    if {path.name for path in folder.iterdir()} - {LOCK} != {"config.yaml"}:
        return
    try:
        with held(folder, wait_seconds=0.0):
            (folder / "config.yaml").unlink()
            (folder / LOCK).unlink(missing_ok=True)
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()
    except ValueError:
        return  # another process has it


@contextmanager
def held(folder: Path, wait_seconds: float = 5.0) -> Iterator[None]:
    """Inside, this process is the only one that writes into a run's folder.

    wait_seconds: for the helpers of one that was killed to end. Raises: ValueError while another
    process has it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout:
        raise ValueError(
            f"{folder}: another process is at work on this run; wait for its end, or stop it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def dump(record: Mapping[str, Any]) -> str:
    """YAML in the order of the keys, with numbers that any reader takes for numbers."""
    return yaml.dump(_plain(record), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Writes 3e-05 as 3.0e-05: YAML 1.1 reads the first as text."""


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value)
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    special = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}
    return dumper.represent_scalar("tag:yaml.org,2002:float", special.get(text, text))


_Dumper.add_representer(float, _number)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _make(root_setting: str, name: str) -> Path:
    """A new folder directly in the root; a second one of the same name gets a number."""
    try:
        root = Path(root_setting).expanduser()
        root.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = root / (name if number == 1 else f"{name}-{number}")
            if folder.resolve().parent != root.resolve():
                raise ConfigError([f"run.name: {name!r} would leave {readable(root)}"])
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            [f"run.root={root_setting!r}: cannot make a folder there ({error})"]
        ) from error
    raise ConfigError([f"run.root={root_setting}: a thousand runs of the name {name} exist"])
