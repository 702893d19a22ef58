from __future__ import annotations

import pytest

from tests.data.test_example_data import first_steps, numbers


def test_leaving_out_batches_goes_on_with_the_next():
    data = numbers()
    data.leave_out(2)
    loader = iter(data.train_dataloader())
    assert next(loader).index.tolist() == first_steps(numbers(), 3)[2]
    assert data.state_dict()["skipped"] == [[0, 1]]


def test_another_order_is_refused():
    data, other = numbers(), numbers(sequences=8)
    with pytest.raises(ValueError, match="order of samples had"):
        other.load_state_dict(data.state_dict())


def test_processes_must_share_a_step_equally():
    with pytest.raises(ValueError, match="cannot share equally"):
        numbers(world_size=3)
