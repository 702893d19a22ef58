from __future__ import annotations

import pytest

from lmlab.mesh.interconnect import interconnect, interconnects


def test_seconds_are_bytes_by_the_rate():
    assert interconnect("NVLink_4").seconds(450e9) == pytest.approx(1.0)
    assert interconnect("Ethernet_10G").seconds(1.25e6) == pytest.approx(1e-3)


def test_every_row_has_a_rate_and_a_source():
    table = interconnects()
    assert len(table) >= 12
    assert all(link.gbs > 0 and len(link.source) > 8 for link in table.values())
    assert table["InfiniBand_NDR"].gbs == 400 / 8 and table["PCIe_5_x16"].gbs == 63


def test_an_unknown_name_has_a_nearest_one():
    with pytest.raises(ValueError, match="interconnect nvlink4 is not known.*mean NVLink_4?"):
        interconnect("nvlink4")
