from __future__ import annotations

import pytest

from lmlab.hardware.data_parallel import DataParallel, OneBackward
from tests.hardware.one import keys
from tests.hardware.ranks import losses, train

OWN = {"strategy": "ddp", "bucket_megabytes": 25.0, "gradient_dtype": "fp32", "static_graph": False}


def test_buckets_need_a_size():
    with pytest.raises(ValueError, match="hardware.bucket_megabytes=0"):
        DataParallel(**keys(**OWN | {"bucket_megabytes": 0}))


def test_communication_settings_reach_lightnings_strategy():
    changed = {"gradient_dtype": "bf16", "static_graph": True, "bucket_megabytes": 1.0}
    strategy = DataParallel(**keys(**OWN | changed)).lightning_strategy()
    assert strategy._ddp_comm_hook.__name__ == "bf16_compress_hook"
    assert isinstance(strategy, OneBackward)
    with pytest.raises(ValueError, match="raise batch.micro_sequences"):
        strategy.block_backward_sync()
    assert strategy._ddp_kwargs["static_graph"] and strategy._ddp_kwargs["bucket_cap_mb"] == 1.0


@pytest.mark.parametrize(("own", "kept"), [({}, True), ({"static_graph": True}, False)])
def test_buckets_stay_as_they_were_laid_out(own, kept):
    hardware = DataParallel(**keys(**OWN | own))
    assert hardware.lightning_strategy()._ddp_kwargs["find_unused_parameters"] is kept
    hardware.accelerator = "gpu"
    assert not hardware.keeps_buckets
    hardware.deterministic = True
    assert hardware.keeps_buckets is kept


def test_rounded_gradients_train_nearly_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path / "cache"))
    alone = losses(train(tmp_path, 1))
    changes = ["hardware.gradient_dtype=bf16", "hardware.static_graph=true"]
    rounded = losses(train(tmp_path, 2, "hardware=ddp", *changes, micro_sequences=16))
    assert max(abs(alone[step] - rounded[step]) for step in alone) < 0.02
    assert rounded != alone
