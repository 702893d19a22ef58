from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor

from lmlab.mesh import parallelize
from lmlab.mesh.layer import JoinedLinear, RowLinear, VocabularyEmbedding
from tests.mesh.gloo import on_processes

RULES = {"mlp": "model", "vocab": "model"}


class Layer(nn.Module):
    """A look-up, a divided sum, and a divided output."""

    axes = {"table": ("vocab", "embed"), "down": ("embed", "mlp"), "out": ("vocab", "embed")}
    splits = ("vocab", "mlp")
    uneven = ("vocab",)

    def __init__(self) -> None:
        super().__init__()
        self.table, self.down = nn.Embedding(5, 4), nn.Linear(4, 3)
        self.out = nn.Linear(4, 5)

    def forward(self, tokens: Tensor, inner: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.table(tokens)
        return found, self.down(inner), self.out(found)


def make() -> Layer:
    torch.manual_seed(0)
    return Layer()


def everything() -> dict[str, Any]:
    mesh = init_device_mesh("cpu", (2,), mesh_dim_names=("model",))
    plain, layer = make(), make()
    parallelize(layer, mesh, RULES)
    tokens, inner = torch.tensor([0, 2, 3, 4, 4]), torch.randn(2, 4)
    torch.distributed.broadcast(inner, 0)
    at = mesh.get_local_rank()
    expected = plain(tokens, inner)
    got = layer(tokens, inner[:, 2 * at : 2 * at + 2])
    sum(each.square().sum() for each in expected).backward()  # type: ignore[union-attr]
    sum(each.square().sum() for each in got).backward()  # type: ignore[union-attr]
    pairs = zip(plain.parameters(), layer.parameters(), strict=True)
    return {
        "forms": [
            isinstance(layer.table, VocabularyEmbedding),
            isinstance(layer.down, RowLinear) and isinstance(layer.down, nn.Linear),
            isinstance(layer.out, JoinedLinear),
        ],
        "output": max(float((a - b).abs().max()) for a, b in zip(expected, got, strict=True)),
        "gradient": max(float((a.grad - b.grad.full_tensor()).abs().max()) for a, b in pairs),  # type: ignore[union-attr]
        "rows": [len(layer.table.weight), len(layer.out.weight.to_local())],  # type: ignore[attr-defined]
        "whole": isinstance(layer.out.weight, DTensor) and tuple(layer.out.weight.shape) == (5, 4),
        "names": [name for name, _ in layer.named_parameters()],
    }


def test_every_form_of_a_divided_layer():
    found = on_processes(2, everything)
    for each in found:
        assert all(each["forms"]) and each["whole"]
        assert each["output"] < 1e-6 and each["gradient"] < 1e-5
        assert each["names"] == [name for name, _ in make().named_parameters()]
    assert [each["rows"] for each in found] == [[3, 3], [2, 2]]
