from __future__ import annotations

import torch

from lmlab.arch.layer.precision import in_compute_dtype


def test_only_autocast_changes_the_dtype():
    x = torch.ones(2)
    assert in_compute_dtype(x) is x
    with torch.autocast("cpu", torch.bfloat16):
        assert in_compute_dtype(x).dtype == torch.bfloat16
