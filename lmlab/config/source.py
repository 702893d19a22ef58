"""Hydra's view of the folders: config groups, and experiments as the group `experiment`."""

from __future__ import annotations

from typing import List  # noqa: UP035  (`list` is a method here)

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult

from lmlab.config.place import Places

GROUP = "experiment"


class ExperimentSource(FileConfigSource):
    """A folder of experiments; each file is `experiment=<name>` and speaks of the whole config."""

    @staticmethod
    def scheme() -> str:
        return "experiments"

    def _inside(self, config_path: str) -> str | None:
        group, _, name = config_path.partition("/")
        return name if group == GROUP and name and "/" not in name else None

    def load_config(self, config_path: str) -> ConfigResult:
        name = self._inside(config_path)
        if name is None:
            raise ConfigLoadError(f"Config not found : {config_path}")
        result = super().load_config(name)
        result.header["package"] = "_global_"
        return result

    def available(self) -> bool:
        return super().is_group("")

    def is_group(self, config_path: str) -> bool:
        return config_path in ("", GROUP)

    def is_config(self, config_path: str) -> bool:
        name = self._inside(config_path)
        return name is not None and super().is_config(name)

    def list(self, config_path: str, results_filter: ObjectType | None) -> List[str]:  # noqa: UP006
        if config_path == "":
            return [] if results_filter is ObjectType.CONFIG else [GROUP]
        if config_path != GROUP or results_filter is ObjectType.GROUP:
            return []
        return super().list("", ObjectType.CONFIG)

    def _list_add_result(
        self,
        files: List[str],  # noqa: UP006
        file_path: str,
        file_name: str,
        results_filter: ObjectType | None,
    ) -> None:
        if file_name.endswith(".yaml"):
            files.append(file_name.removesuffix(".yaml"))


def make_search_path(places: Places) -> ConfigSearchPathImpl:
    """Hydra's own options, then lmlab's, then the user's; the first that has a name wins."""
    Plugins.instance()  # registers Hydra's sources
    SourcesRegistry.instance().register(ExperimentSource)
    path = ConfigSearchPathImpl()
    path.append("hydra", "pkg://hydra.conf")
    for index, folder in enumerate(places.conf):
        path.append("user" if index else "main", f"file://{folder}")
    for index, folder in enumerate(places.experiments):
        path.append("user" if index else "lmlab", f"experiments://{folder}")
    path.append("schema", "structured://")
    return path


def make_loader(places: Places) -> ConfigLoaderImpl:
    """A Hydra config loader over all folders; it opens no log and creates no folder."""
    return ConfigLoaderImpl(config_search_path=make_search_path(places))
