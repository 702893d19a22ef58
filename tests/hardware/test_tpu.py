from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import lightning as L
import pytest

from lmlab.hardware import tpu
from tests.hardware.one import keys


def installed(monkeypatch, found: str | None) -> None:
    def version(name: str) -> str:
        if found is None:
            raise PackageNotFoundError(name)
        return found

    monkeypatch.setattr(tpu, "version", version)


def test_without_torch_xla_it_says_so_in_one_sentence(monkeypatch):
    installed(monkeypatch, None)
    with pytest.raises(ValueError, match="hardware=tpu needs torch_xla") as raised:
        tpu.check_torch_xla()
    assert "\n" not in str(raised.value)


def test_a_torch_xla_for_another_torch_names_both(monkeypatch):
    installed(monkeypatch, "2.9.0")
    with pytest.raises(
        ValueError, match=r"torch_xla 2\.9\.0 needs torch 2\.9, and here is torch 2\.13\.0"
    ):
        tpu.check_torch_xla("2.13.0+cpu")
    tpu.check_torch_xla("2.9.0+cu128")


@pytest.mark.parametrize(("devices", "nodes"), [(1, 1), (4, 1), (4, 4)])
def test_cores_compose_into_lightnings_strategies(monkeypatch, devices, nodes):
    monkeypatch.setattr(tpu, "check_torch_xla", lambda: None)
    monkeypatch.setattr(L.pytorch.strategies, "XLAStrategy", lambda: "XLAStrategy")
    changes = {"accelerator": "tpu", "strategy": "xla", "precision": "bf16"}
    hardware = tpu.Tpu(**keys(**changes, devices=devices, nodes=nodes))
    assert hardware.lightning_strategy() == ("auto" if devices == 1 else "XLAStrategy")
    assert hardware.lightning_precision() == "bf16-true" and hardware.compile is False
    assert hardware.describe() == f"TPU, {devices * nodes} core(s), bf16"


@pytest.mark.parametrize(("devices", "nodes"), [(4, 1), (1, 4)])
def test_a_run_on_several_cores_is_refused_in_one_sentence(monkeypatch, devices, nodes):
    monkeypatch.setattr(tpu, "check_torch_xla", lambda: None)
    changes = {"accelerator": "tpu", "strategy": "xla", "precision": "bf16"}
    hardware = tpu.Tpu(**keys(**changes, devices=devices, nodes=nodes))
    with pytest.raises(ValueError, match="set hardware=tpu hardware.devices=1") as raised:
        hardware.prepare()
    assert "\n" not in str(raised.value)
    tpu.Tpu(**keys(**changes, devices=1)).prepare()
