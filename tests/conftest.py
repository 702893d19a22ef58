"""What all tests share: small architectures and vocabularies, two threads, no outside network."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ.pop("MLFLOW_RUN_ID", None)

import pytest
import torch

from lmlab.arch.gpt import GPT
from lmlab.batch import Vocab

ROOT = Path(__file__).resolve().parents[1]


def small_gpt(**changes: object) -> GPT:
    """A GPT of a few thousand parameters, fp32, the same weights every time."""
    torch.manual_seed(0)
    keys: dict[str, object] = {
        "vocab_size": 61,
        "num_layers": 2,
        "width": 32,
        "num_heads": 4,
        "num_kv_heads": None,
        "ff_width": None,
        "max_seq_len": 64,
        "norm": "layer",
        "position": "learned",
        "rope_base": None,
        "feed_forward": "gelu",
        "tied_embeddings": True,
        "bias": True,
        "dropout": 0.0,
    }
    return GPT(**(keys | changes))  # type: ignore[arg-type]


@pytest.fixture
def vocab() -> Vocab:
    return Vocab(size=61, eos=60)
