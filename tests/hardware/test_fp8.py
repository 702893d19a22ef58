from __future__ import annotations

import sys
import types

import pytest
import torch
from torch import nn

from lmlab.hardware import fp8


def test_fp8_on_a_cpu_says_what_it_needs():
    with pytest.raises(ValueError, match="8.9.*hardware.precision=bf16"):
        fp8.check_fp8("cpu")


def test_fp8_without_torchao_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(fp8, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'lmlab\[fp8\]'"):
        fp8.check_fp8("gpu")


def test_fp8_on_an_older_gpu_names_it(monkeypatch):
    monkeypatch.setattr(fp8, "find_spec", lambda name: object())
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A100")
    with pytest.raises(ValueError, match=r"A100 has 8\.0"):
        fp8.check_fp8("gpu")


@pytest.mark.parametrize(
    ("module", "name", "fits"),
    [
        (nn.Linear(32, 64), "blocks.0.attention.query", True),
        (nn.Linear(32, 64), "unembedding", False),
        (nn.Linear(32, 61), "blocks.0.up", False),
        (nn.LayerNorm(32), "blocks.0.norm", False),
    ],
)
def test_which_layers_are_converted(module, name, fits):
    assert fp8.fits_fp8(module, name) is fits


def test_conversion_is_torchaos(monkeypatch):
    seen = []
    module = types.ModuleType("torchao.float8")
    module.convert_to_float8_training = lambda arch, module_filter_fn: seen.append(module_filter_fn)
    monkeypatch.setitem(sys.modules, "torchao", types.ModuleType("torchao"))
    monkeypatch.setitem(sys.modules, "torchao.float8", module)
    fp8.convert_to_fp8(nn.Linear(16, 16))
    assert seen == [fp8.fits_fp8]
