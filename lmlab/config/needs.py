"""Whether a stage needs a model, tokens and weights, read from what its class says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmlab.config.definition import literal


def needs_model(config: Mapping[str, Any]) -> bool:
    """False for a stage whose class says `needs_model = False`: it only computes and draws."""
    stage = config.get("stage")
    target = stage.get("_target_") if isinstance(stage, Mapping) else None
    return literal(target, "needs_model") is not False
