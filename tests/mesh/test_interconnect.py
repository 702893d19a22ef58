from __future__ import annotations

import pytest

from lmlab.mesh.interconnect import interconnects


def test_seconds_are_bytes_by_the_rate():
    assert interconnects()["NVLink_4"].seconds(450e9) == pytest.approx(1.0)
    assert interconnects()["Ethernet_10G"].seconds(1.25e6) == pytest.approx(1e-3)


def test_every_row_has_a_rate_and_a_source():
    table = interconnects()
    assert len(table) >= 12
    assert all(link.gbs > 0 and len(link.source) > 8 for link in table.values())
    assert table["InfiniBand_NDR"].gbs == 400 / 8 and table["PCIe_5_x16"].gbs == 63
