"""A headless Chromium that looks at the pages of `lmlab ui`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lmlab.track import ui
from lmlab.track.store import connect

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--no-first-run"]


@contextmanager
def browser_page(root: Path, height: int) -> Iterator[tuple[Any, str, Any]]:
    """A page 1600 wide over the store in root, the server's address, a client of the store."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    address = f"sqlite:///{root / 'mlflow.db'}"
    with ui.server(address, root, 0) as (_, place), playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": height})
        page.set_default_timeout(60_000)
        yield page, place, connect(address)
        browser.close()


def keep(page: Any, name: str) -> None:
    """Save what is seen, where $LMLAB_SCREENSHOTS names a folder."""
    folder = os.environ.get("LMLAB_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
