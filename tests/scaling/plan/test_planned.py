from __future__ import annotations

from lmlab.scaling.plan.accelerator import accelerator
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.planned import Planned, least_divided
from tests.scaling.test_compute_plan import SMALL, subject


def planned(layout: Layout, **changes) -> Planned:
    run = subject(SMALL, **({"batch_tokens": 2048.0 * 16, "micro_sequences": 4} | changes))
    return Planned(run, accelerator("T4"), layout.num_devices, layout, "bf16")


def test_a_device_takes_its_share_of_a_step_in_micro_batches():
    assert planned(Layout()).one_pass == (4 * 2048, 4)
    assert planned(Layout(data=8)).one_pass == (2 * 2048, 1)
    assert planned(Layout(data=64)).one_pass == (2048, 1)  # never less than one sequence


def test_whether_it_fits_and_what_would():
    assert "one device on 1" in planned(Layout()).fit()
    assert planned(Layout(), micro_sequences=1).fits
    large = planned(Layout(), micro_sequences=64, batch_tokens=2048.0 * 64)
    assert not large.fits and "with batch.micro_sequences=1: one device." in large.fit()


def test_the_least_divided_that_fits_else_with_one_sequence_else_the_most_divided():
    h100 = accelerator("H100")
    huge = subject(batch_tokens=2048.0 * 1024, micro_sequences=8)
    assert least_divided(subject(SMALL), h100, 8, Layout()) == Layout(data=8)
    one = least_divided(huge, h100, 128, Layout())
    assert one == Layout(zero=3, data=128, checkpointing="blocks")
    assert not Planned(huge, h100, 128, one, "bf16").fits
    assert least_divided(huge, h100, 2, Layout()).checkpointing == "blocks"
