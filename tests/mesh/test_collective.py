from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.distributed.device_mesh import init_device_mesh

from lmlab.mesh import collective
from lmlab.mesh.collective import HardwareAxis
from tests.mesh.gloo import on_processes


def everything() -> dict[str, Any]:
    axis = HardwareAxis(init_device_mesh("cpu", (2,), mesh_dim_names=("model",)), "model")
    own = torch.tensor([[1.0, 2.0]]) + 10 * axis.rank
    found: dict[str, Any] = {"size": axis.size, "rank": axis.rank}
    with collective.recorded() as log:
        found["reduced"] = collective.all_reduce(own.clone(), axis, "a", "activation").tolist()
        found["gathered"] = collective.all_gather(own, 1, axis, "b", "weight").tolist()
        part = own[:, : 2 - axis.rank]
        found["uneven"] = collective.all_gather(part, 1, axis, "b", "weight", 3).tolist()
        both = torch.cat((own, own), 1)
        found["scattered"] = collective.reduce_scatter(both, 1, axis, "c", "gradient").tolist()
    found["log"] = [(one.kind, one.numel, one.where) for one in log]
    x = torch.ones(2, requires_grad=True)
    collective.enter(x, axis, "").sum().backward()
    found["entered"] = x.grad.tolist()  # type: ignore[union-attr]
    x.grad = None
    added = collective.add_up(x * (axis.rank + 1), axis, "")
    added.sum().backward()
    found["added"], found["own gradient"] = added.tolist(), x.grad.tolist()  # type: ignore[union-attr]
    x.grad = None
    joined = collective.join(x * (axis.rank + 1), axis, "", 4)
    (joined * torch.arange(4.0)).sum().backward()
    found["joined"], found["join gradient"] = joined.tolist(), x.grad.tolist()  # type: ignore[union-attr]
    found["part"] = collective.own_part(torch.arange(5), 0, axis).tolist()
    return found


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    return on_processes(2, everything)


def test_collectives(found):
    assert [(each["size"], each["rank"]) for each in found] == [(2, 0), (2, 1)]
    for each in found:
        assert each["reduced"] == [[12.0, 14.0]]
        assert each["gathered"] == [[1.0, 2.0, 11.0, 12.0]]
        assert each["uneven"] == [[1.0, 2.0, 11.0]]
        assert each["scattered"] == [[12.0, 14.0]]
    assert [each["part"] for each in found] == [[0, 1, 2], [3, 4]]


def test_their_gradients(found):
    assert [each["entered"] for each in found] == [[2.0, 2.0]] * 2
    assert [each["added"] for each in found] == [[3.0, 3.0]] * 2
    assert [each["own gradient"] for each in found] == [[1.0, 1.0], [2.0, 2.0]]
    assert [each["joined"] for each in found] == [[1.0, 1.0, 2.0, 2.0]] * 2
    assert [each["join gradient"] for each in found] == [[0.0, 1.0], [4.0, 6.0]]


def test_what_is_recorded_is_the_whole_array(found):
    kinds = [("all-reduce", 2, "a"), ("all-gather", 4, "b"), ("all-gather", 4, "b")]
    assert found[0]["log"] == [*kinds, ("reduce-scatter", 4, "c")]


def test_nothing_is_recorded_outside():
    with collective.recorded() as log:
        pass
    collective.note("all-reduce", None, 1, "", "")  # type: ignore[arg-type]
    assert log == []
