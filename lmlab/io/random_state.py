"""The states of all random number generators of a process, as plain types."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import numpy as np
import torch


def snapshot() -> tuple[Any, ...]:
    """The states of torch, numpy, Python and this process's GPU, for `put_back` alone. Cheap."""
    cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    return torch.get_rng_state(), np.random.get_state(legacy=True), random.getstate(), cuda


def put_back(states: tuple[Any, ...]) -> None:
    """Continue exactly where `snapshot` was called; no GPU state is put where there is no GPU."""
    torch_state, numpy_state, python_state, cuda_state = states
    torch.set_rng_state(torch_state)
    np.random.set_state(numpy_state)
    random.setstate(python_state)
    if cuda_state is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(cuda_state)


def get() -> dict[str, Any]:
    """`snapshot` in plain types, as a checkpoint holds it."""
    torch_state, (name, keys, *rest), (version, words, gauss), cuda_state = snapshot()
    return {
        "torch": torch_state,
        "numpy": [
            str(name),
            [int(key) for key in keys],
            int(rest[0]),
            int(rest[1]),
            float(rest[2]),
        ],
        "python": [version, list(words), gauss],
        "cuda": cuda_state,
    }


def put(state: dict[str, Any]) -> None:
    """Continue exactly where `get` was called."""
    name, keys, *rest = state["numpy"]
    version, words, gauss = state["python"]
    numpy_state = (name, np.asarray(keys, np.uint32), *rest)
    put_back((state["torch"], numpy_state, (version, tuple(words), gauss), state["cuda"]))


def derive(state: dict[str, Any], rank: int, world_size: int) -> None:
    """Seed all generators from a saved state, differently for every rank and world size."""
    text = bytes(state["torch"].tolist()) + f"{rank}/{world_size}".encode()
    seed = int.from_bytes(hashlib.sha256(text).digest()[:8], "little")
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
