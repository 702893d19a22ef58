from __future__ import annotations

import pytest

from lmlab.hardware.fully_sharded import FullySharded
from tests.hardware.one import keys

OWN = {
    "strategy": "fsdp2",
    "replicas": 1,
    "reshard_after_forward": True,
    "gather_dtype": None,
    "gradient_dtype": "fp32",
    "reduce_every": "micro_batch",
    "cpu_offload": None,
}


def test_all_processes_share_one_model_or_groups_do():
    assert FullySharded(**keys(**OWN, devices=8)).mesh_shape == {"shard": 8}
    hybrid = FullySharded(**keys(**OWN | {"replicas": 4}, devices=8, nodes=4))
    assert hybrid.mesh_shape == {"copy": 4, "shard": 8}
    assert hybrid.layout() == "4 copies, model in 8 shards" and hybrid.data_size == 32


def test_replicas_must_divide_the_processes():
    with pytest.raises(ValueError, match="hardware.replicas=3 must divide the 4 processes"):
        FullySharded(**keys(**OWN | {"replicas": 3}, devices=4))


def test_offload_on_a_cpu_is_refused():
    with pytest.raises(ValueError, match="hardware.cpu_offload=true has no effect on a CPU"):
        FullySharded(**keys(**OWN | {"cpu_offload": True}))
