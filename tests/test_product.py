"""Linear layers give torch's results whichever library multiplies, and leave alone what is not theirs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lmlab import product as module
from lmlab.product import Linear, linear, product

ROWS, INNER, OUTER = 96, 256, 192  # above LEAST multiplications


@pytest.fixture(params=["here", "onednn", "torch"])
def library(request, monkeypatch):
    """What this processor would take, then each of the two."""
    if request.param == "onednn" and not torch.backends.mkldnn.is_available():
        pytest.skip("this torch was built without oneDNN")
    if request.param != "here":
        monkeypatch.setattr(module, "_is_faster_here", lambda: request.param == "onednn")
    return request.param


@pytest.fixture
def calls(monkeypatch):
    """How often oneDNN's product was taken."""
    found: list[tuple[int, ...]] = []
    original = module._onednn
    monkeypatch.setattr(module, "_is_faster_here", lambda: torch.backends.mkldnn.is_available())

    def counted(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        found.append(tuple(x.shape))
        return original(x, weight, bias)

    monkeypatch.setattr(module, "_onednn", counted)
    return found


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(ROWS,), (4, ROWS // 4), (2, 2, ROWS // 4)])
@pytest.mark.parametrize(("inner", "outer"), [(INNER, OUTER), (OUTER, INNER)])
def test_values_and_gradients_are_those_of_double_precision(library, bias, shape, inner, outer):
    x, weight = drawn(*shape, inner), drawn(outer, inner, seed=1)
    offset = drawn(outer, seed=2) if bias else None
    grad = drawn(*shape, outer, seed=3)
    own = [each.clone().requires_grad_() for each in (x, weight, offset) if each is not None]
    exact = [each.double().requires_grad_() for each in (x, weight, offset) if each is not None]
    value, expected = linear(*own), F.linear(*exact)
    torch.testing.assert_close(value.double(), expected, rtol=1e-4, atol=1e-4)
    value.backward(grad)
    expected.backward(grad.double())
    for mine, theirs in zip(own, exact, strict=True):
        torch.testing.assert_close(mine.grad.double(), theirs.grad, rtol=1e-4, atol=2e-4)


def test_only_the_gradients_that_are_wanted_are_made(calls):
    x, weight = drawn(ROWS, INNER), drawn(OUTER, INNER)
    linear(x, weight)
    with torch.no_grad():
        linear(x, weight.clone().requires_grad_())
    assert len(calls) == 2
    linear(x, weight.clone().requires_grad_()).sum().backward()
    assert len(calls) == 4  # the value and the weight's
    linear(x.clone().requires_grad_(), weight).sum().backward()
    assert len(calls) == 6  # the value and the input's


def test_matrices_multiply_without_gradients(library):
    left, right = drawn(ROWS, INNER), drawn(INNER, OUTER)
    room = torch.empty(ROWS, OUTER)
    expected = (left.double() @ right.double()).float()
    torch.testing.assert_close(product(left, right, out=room), expected, rtol=1e-4, atol=1e-4)
    turned = product(drawn(INNER, ROWS).T, right)
    torch.testing.assert_close(turned, drawn(INNER, ROWS).T @ right, rtol=1e-4, atol=1e-4)


def test_the_same_product_is_the_same_twice(library):
    x, weight = drawn(ROWS, INNER), drawn(OUTER, INNER)
    assert torch.equal(linear(x, weight), linear(x, weight))


def test_a_bias_can_learn_alone(library):
    x, weight = drawn(ROWS, INNER), drawn(OUTER, INNER)
    bias = torch.zeros(OUTER, requires_grad=True)
    linear(x, weight, bias).sum().backward()
    assert torch.equal(bias.grad, torch.full((OUTER,), float(ROWS)))


@pytest.mark.parametrize("autocast", [False, True])
def test_a_compiler_sees_one_graph(library, autocast):
    layer = Linear(INNER, OUTER)
    whole = torch.compile(layer, fullgraph=True, backend="eager")
    x = drawn(ROWS, INNER)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        torch.testing.assert_close(
            whole(x), torch.nn.functional.linear(x, layer.weight, layer.bias)
        )


class Marked(Tensor):
    """A tensor that is not a plain one, as a shard is not."""


@pytest.mark.parametrize(
    ("x", "weight"),
    [
        (drawn(8, 16), drawn(16, 16)),  # small
        (drawn(2, 4096), drawn(4096, 4096)),  # few rows
        (drawn(ROWS, INNER).double(), drawn(OUTER, INNER).double()),
        (drawn(ROWS, INNER).bfloat16(), drawn(OUTER, INNER).bfloat16()),
        (drawn(ROWS, INNER).to("meta"), drawn(OUTER, INNER).to("meta")),
        (drawn(ROWS, INNER).as_subclass(Marked), drawn(OUTER, INNER)),
        (drawn(ROWS, INNER), drawn(OUTER, INNER).as_subclass(Marked)),
    ],
)
def test_everything_else_is_left_to_torch(calls, x, weight):
    assert linear(x, weight).dtype == x.dtype
    assert not calls


@pytest.mark.filterwarnings("ignore:TF32")
def test_autocast_and_a_library_that_is_turned_off_are_left_to_torch(calls):
    x, weight = drawn(ROWS, INNER), drawn(OUTER, INNER)
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(x, weight).dtype == torch.bfloat16
    with torch.backends.mkldnn.flags(enabled=False):
        linear(x, weight)
    assert not calls


def test_a_layer_has_torchs_parameters_and_start():
    torch.manual_seed(0)
    ours = Linear(6, 3)
    torch.manual_seed(0)
    theirs = torch.nn.Linear(6, 3)
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours(drawn(2, 6)), theirs(drawn(2, 6)))


@pytest.mark.parametrize(
    ("vendor", "capability", "expected"),
    [
        ("AuthenticAMD", "AVX512", True),
        ("GenuineIntel", "AVX512", False),
        ("AuthenticAMD", "AVX2", False),
    ],
)
def test_onednn_is_for_amd_with_avx512(monkeypatch, vendor, capability, expected):
    monkeypatch.setattr(module, "_vendor", lambda: vendor)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    module._is_faster_here.cache_clear()
    both = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
    assert module._is_faster_here() is (expected and both)
    module._is_faster_here.cache_clear()
