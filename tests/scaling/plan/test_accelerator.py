from __future__ import annotations

import pytest

from lmlab.scaling.plan.accelerator import accelerator, accelerators


def test_the_table_is_whole_and_every_row_has_a_source():
    table = accelerators()
    assert {"P100", "V100", "A100", "H100", "H200", "TPU_v3", "TPU_v4", "TPU_v5e"} <= set(table)
    for device in table.values():
        assert len(device.source) > 20 and 0 < device.memory_gib < 300
        assert device.interconnect_gbs >= device.network_gbs > 0


def test_memory_is_in_powers_of_two_for_every_maker():
    """TPU v3 and v4 both have 32 GiB; a V100 of 32 GB reports 32,510 MiB, an A100 of 80 GB 81,920."""
    assert accelerator("TPU_v3").memory_bytes == accelerator("TPU_v4").memory_bytes == 2**35
    assert accelerator("V100").memory_bytes == 2**35
    assert accelerator("A100").memory_bytes == 81920 * 2**20


def test_rates():
    assert accelerator("H100").peak() == 989e12 and accelerator("H100").peak("fp8") == 1979e12
    with pytest.raises(ValueError, match="A100 has no known fp8 rate; it has bf16, fp32"):
        accelerator("A100").peak("fp8")


def test_an_unknown_name():
    with pytest.raises(ValueError, match=r"stage.device=h100 is not known.*did you mean H100\?"):
        accelerator("h100")
