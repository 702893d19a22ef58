"""No tracking: the interface of a tracked run, and nothing behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger


class NoTracking(Logger):
    """A Lightning logger that keeps nothing; the run's folder still has its own log."""

    url: str | None = None
    store = "nowhere (track=none)"
    waiting = False
    run_id: str | None = None

    def __init__(
        self,
        *,
        run_dir: Path,
        root: Path,
        name: str,
        tags: dict[str, str],
        params: dict[str, str],
        config_text: str,
        run_id: str | None,
        parent_run_id: str | None,
        note: str | None,
    ) -> None:
        super().__init__()
        self._run_dir, self._name = run_dir, name

    @property
    def name(self) -> str:
        """The run's name."""
        return self._name

    @property
    def version(self) -> str | None:
        """There is no run id."""
        return None

    @property
    def save_dir(self) -> str:
        """The run's folder."""
        return str(self._run_dir)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Nothing."""

    def log_hyperparams(self, params: Any = None, *args: Any, **kwargs: Any) -> None:
        """Nothing."""

    def log_figure(self, figure: Any, path: str) -> None:
        """Nothing."""

    def log_text(self, text: str, path: str) -> None:
        """Nothing."""

    def log_table(self, rows: list[dict[str, Any]], path: str) -> None:
        """Nothing."""

    def log_artifact(self, file: str | Path, path: str | None = None) -> None:
        """Nothing."""

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Nothing."""

    def set_note(self, markdown: str) -> None:
        """Nothing."""

    def finalize(self, status: str) -> None:
        """Nothing."""
