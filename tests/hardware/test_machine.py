"""What is chosen on which machine, and what every option of the group composes to."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy
from omegaconf import OmegaConf

from lmlab.build import instantiate
from lmlab.check import check_composed
from lmlab.config.compose import Composer
from lmlab.config.place import find_places, options
from lmlab.hardware.machine import Hardware, cpu_has_bf16
from lmlab.hardware.sharded import Sharded
from tests.conftest import small_gpt
from tests.hardware.one import keys

OPTIONS = options(find_places(), "hardware")
STRATEGIES = {"ddp": DDPStrategy, "fsdp2": Sharded, "mesh": Sharded}


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU, whatever this one has."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def one(**changes: object) -> Hardware:
    return Hardware(**(keys(strategy="auto", devices=1) | changes))


def test_auto_on_a_machine_without_gpu_is_the_cpu_uncompiled(no_gpu):
    hardware = one(accelerator="auto", precision="auto")
    assert hardware.accelerator == "cpu" and hardware.compile is False
    assert hardware.precision == ("bf16" if cpu_has_bf16() else "fp32")
    assert "CPU" in hardware.describe()


def test_a_gpu_that_is_not_there_names_what_was_found(no_gpu):
    with pytest.raises(ValueError, match=r"found 0 GPU\(s\) and \d+ CPU cores. Use hardware=cpu$"):
        one(accelerator="gpu")


def test_many_devices_need_a_strategy():
    with pytest.raises(ValueError, match="hardware=ddp hardware.devices=2"):
        one(devices=2)


def test_no_devices_are_refused():
    with pytest.raises(ValueError, match="hardware.devices=0"):
        one(devices=0)


@pytest.mark.parametrize(("asked", "given"), [("fp32", "32-true"), ("bf16", "bf16-mixed")])
def test_the_trainer_gets_the_precision(asked, given):
    assert one(precision=asked).trainer(logger=False, max_steps=1).precision == given


def composed(option: str, *overrides: str) -> dict[str, object]:
    composer = Composer(find_places())
    found = composer.compose([f"hardware={option}", *overrides])
    check_composed(found, composer.places)
    return OmegaConf.to_container(found.cfg, resolve=True)["hardware"]


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_passes_the_check(option):
    assert composed(option)["_target_"].startswith("lmlab.hardware.")


@pytest.mark.parametrize("option", STRATEGIES)
def test_an_option_makes_its_strategy_and_keeps_the_trainer_to_it(option):
    hardware = instantiate(composed(option, "hardware.accelerator=cpu"))
    trainer = hardware.trainer(logger=False, max_steps=1)
    assert type(trainer.strategy) is STRATEGIES[option]
    assert hardware.backend == "gloo" and hardware.layout() in hardware.describe()


def test_several_nodes_count_in_the_world():
    hardware = Hardware(**keys(strategy="ddp", devices=4, nodes=8))
    assert (hardware.world_size, hardware.data_size, hardware.data_rank(17)) == (32, 32, 17)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["fsdp2", "hardware.gather_dtype=bf16"], "has no effect with hardware.precision"),
        (["fsdp2", "hardware.bucket_megabytes=1"], "bucket_megabytes"),
        (["ddp", "hardware.replicas=2"], "replicas"),
        (["deepspeed", "hardware.zero_stage=3"], "hardware.zero_stage"),
    ],
)
def test_a_setting_without_effect_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        composed(*overrides)


def test_adapt_checkpoints_and_compiles_what_is_asked_for(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compiled.append(self))
    arch = small_gpt()
    asked = keys(strategy="auto", devices=1, compile=True, activation_checkpointing="blocks")
    Hardware(**asked).adapt(arch)
    assert compiled == [arch] and "forward" in vars(arch.blocks[0])
