"""The dtype that matrix products run in under autocast."""

from __future__ import annotations

import torch
from torch import Tensor


def in_compute_dtype(x: Tensor) -> Tensor:
    """`x` in autocast's dtype, so that several products share one copy; unchanged without autocast."""
    kind = x.device.type
    if kind == "meta":
        return x
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x
