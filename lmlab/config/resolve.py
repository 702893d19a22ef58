"""From a composed configuration to plain values, with what came from the environment kept out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from omegaconf.resolvers import oc


def plain(cfg: DictConfig) -> dict[str, Any]:
    """All values, interpolations resolved. Raises OmegaConf's errors for those that cannot be."""
    values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False)
    assert isinstance(values, dict)
    return values  # type: ignore[return-value]


def raw(cfg: DictConfig) -> dict[str, Any]:
    """All values as written, interpolations as text."""
    values = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(values, dict)
    return values  # type: ignore[return-value]


@contextmanager
def marked_environment() -> Iterator[None]:
    """Inside, `oc.env` gives a marker in place of the value of an environment variable."""

    def marker(name: str, default: Any = None) -> str:
        return f"\x00{name}\x00"

    OmegaConf.register_new_resolver("oc.env", marker, replace=True)
    try:
        yield
    finally:
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)


def without_environment(cfg: DictConfig) -> dict[str, Any]:
    """Resolved values, but those that depend on an environment variable stay `${...}` text."""
    kept = _keep(cfg)
    assert isinstance(kept, dict)
    return kept


def _keep(node: Any) -> Any:
    if isinstance(node, DictConfig):
        return {key: _keep_item(node, key) for key in node}
    if isinstance(node, ListConfig):
        return [_keep_item(node, index) for index in range(len(node))]
    return node


def _keep_item(node: DictConfig | ListConfig, key: Any) -> Any:
    if OmegaConf.is_missing(node, key):
        return "???"
    if not OmegaConf.is_interpolation(node, key):
        value = node[key]
        return _escaped(value) if isinstance(value, str) else _keep(value)
    text = node._get_node(key)._value()  # type: ignore[union-attr]
    value = _value(node[key])
    try:
        with marked_environment():
            same = _value(node[key]) == value
    except (OmegaConfBaseException, ValueError):
        same = False
    return _escape_all(value) if same else text


def _value(node: Any) -> Any:
    if isinstance(node, DictConfig | ListConfig):
        return OmegaConf.to_container(node, resolve=True)
    return node


def _escaped(text: str) -> str:
    """A value that contains `${` must not be resolved a second time when it is read back."""
    return text.replace("${", "\\${")


def _escape_all(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escape_all(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escape_all(item) for item in value]
    return _escaped(value) if isinstance(value, str) else value
