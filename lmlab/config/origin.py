"""Where a setting was written: on the command line, as typed, or in which file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

if TYPE_CHECKING:
    from hydra._internal.config_loader_impl import ConfigLoaderImpl


def readable(file: Path) -> str:
    """A path as people would type it from here."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


def overlaps(path: str, key: str) -> bool:
    """Whether one dotted path is the other one, or lies inside it."""
    return path == key or path.startswith((key + ".", key + "[")) or key.startswith(path + ".")


class Origins:
    """Answers for one composition: typed overrides (key, text) first, then the files, last first.

    groups: the choices of options among them, by group (`data`, `data@stage.pretraining`).
    """

    def __init__(
        self,
        loader: ConfigLoaderImpl | None,
        composed: list[str],
        typed: list[tuple[str, str]],
        groups: dict[str, str] | None = None,
    ) -> None:
        self._loader, self._composed = loader, composed
        self._typed, self._groups = typed, groups or {}
        self._files: list[tuple[str, str, Any]] | None = None

    def override(self, path: str) -> str | None:
        """The override that wrote `path`, exactly as typed."""
        written = (text for key, text in reversed(self._typed) if overlaps(path, key))
        chosen = (text for key, text in self._groups.items() if key.rpartition("@")[2] == path)
        return next(written, next(chosen, None))

    def file(self, path: str) -> str | None:
        """The last file that wrote `path`."""
        for name, package, content in reversed(self._load()):
            prefix = package + "." if package else ""
            if path.startswith(prefix) and _has(content, path[len(prefix) :]):
                return name
        return None

    def _load(self) -> list[tuple[str, str, Any]]:
        """(file, package, content) of every file in the order of composition."""
        if self._files is None:
            self._files = []
            for file, package, loaded in self._defaults():
                content = OmegaConf.to_container(loaded, resolve=False)
                self._files.append((readable(file), package, content))
        return self._files

    def _defaults(self) -> list[tuple[Path, str, Any]]:
        if self._loader is None:
            return []
        from hydra.types import RunMode

        defaults = self._loader.compute_defaults_list("config", self._composed, RunMode.RUN)
        found = []
        for default in defaults.defaults:
            name = default.config_path or ""
            loaded = None if name.startswith("hydra") else self._loader.repository.load_config(name)
            if loaded is None or loaded.provider == "schema":
                continue
            scheme, _, root = loaded.path.partition("://")
            inside = name.partition("/")[2] if scheme == "experiments" else name
            found.append((Path(root) / f"{inside}.yaml", default.package or "", loaded.config))
        return found


def _has(content: Any, path: str) -> bool:
    for part in path.replace("[", ".[").split("."):
        if part.startswith("["):
            index = int(part.strip("[]"))
            if not isinstance(content, list) or index >= len(content):
                return False
            content = content[index]
        elif not isinstance(content, dict) or part not in content:
            return False
        else:
            content = content[part]
    return True
