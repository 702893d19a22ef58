"""Divided programs on 2x4 processes over gloo give the undivided program's numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from lmlab.batch import Head
from lmlab.mesh import gradients_kept_apart, parallelize
from lmlab.rollout.token_scores import token_scores
from tests.mesh import tiny
from tests.mesh.gloo import on_processes

ONE = {"num_layers": 1}
CASES: dict[str, tuple[str, dict[str, Any], dict[str, str | None]]] = {
    **{name: (name, {}, tiny.RULES) for name in tiny.NAMES},
    "gpt, untied": ("gpt", ONE | {"tied_embeddings": False}, tiny.RULES),
    "gpt, stored in parts": ("gpt", ONE, tiny.RULES | {"embed": "data"}),
    "gpt, stored on an axis without a batch": ("gpt", ONE, {"batch": "data", "embed": "model"}),
    "llama, only stored in parts": ("llama", ONE, {"batch": "data", "embed": "data"}),
    "bert, heads only": ("bert", ONE, {"batch": "data", "heads": "model"}),
    "bart": ("bart", ONE, tiny.RULES),
    "t5, mlp on the batch's axis": (
        "t5",
        ONE | {"shared_blocks": True},
        tiny.RULES | {"mlp": "data"},
    ),
    "transformer": ("transformer", ONE, tiny.RULES | {"vocab": None}),
}


def share(mesh: DeviceMesh, rows: Tensor) -> Tensor:
    """This process's sequences."""
    at, size = mesh.get_local_rank("data"), len(rows) // 2
    return rows[at * size : (at + 1) * size]


def full(gradient: Any) -> Tensor:
    return gradient.full_tensor() if isinstance(gradient, DTensor) else gradient


def differences(plain: Any, divided: Any) -> float:
    """The largest difference of two models' gradients; both must have the same ones."""
    worst = 0.0
    pairs = zip(plain.named_parameters(), divided.named_parameters(), strict=True)
    for (name, one), (other_name, other) in pairs:
        assert name == other_name and isinstance(other, DTensor) and one.shape == other.shape
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None:
            worst = max(worst, float((one.grad - full(other.grad)).abs().max()))
    return worst


def compare(mesh: DeviceMesh, name: str, changes: dict[str, Any], rules: Any) -> dict[str, float]:
    plain = tiny.make(name, **changes)
    divided = parallelize(tiny.make(name, **changes), mesh, rules)
    rows = tiny.tokens()
    expected = tiny.loss_of(plain, rows)
    expected.backward()
    loss = tiny.loss_of(divided, share(mesh, rows))
    loss.backward()
    mean = loss.detach().clone()
    dist.all_reduce(mean)
    found = {"loss": float((mean / 8 - expected.detach()).abs())}
    found["gradient"] = differences(plain, divided)
    before, after = (sum(p.numel() for p in m.parameters()) for m in (plain, divided))
    assert before == after
    held = sum(p.to_local().numel() for p in divided.parameters())
    weights = zip(plain.parameters(), divided.parameters(), strict=True)
    found["weight"] = max(float((a - full(b)).abs().max()) for a, b in weights)
    return found | {"held": held / before}


def one_step_in_parts(mesh: DeviceMesh) -> float:
    """Two micro-batches whose gradients are averaged once, beside one batch of all."""
    plain = tiny.make("gpt")
    divided = parallelize(tiny.make("gpt"), mesh, tiny.RULES)
    rows = tiny.tokens()
    tiny.loss_of(plain, rows).backward()
    first, second = share(mesh, rows).split(1)
    with gradients_kept_apart(divided):
        (tiny.loss_of(divided, first) / 2).backward()
    (tiny.loss_of(divided, second) / 2).backward()
    return differences(plain, divided)


def trained(mesh: DeviceMesh | None) -> list[float]:
    """Losses of three steps with clipping; mesh: None for one process."""
    arch = tiny.make("gpt")
    if mesh is not None:
        parallelize(arch, mesh, tiny.RULES)
    optimizer = torch.optim.AdamW(arch.parameters(), 1e-2)
    losses = []
    for _ in range(3):
        rows = tiny.tokens()
        loss = tiny.loss_of(arch, rows if mesh is None else share(mesh, rows))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(arch.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        mean = loss.detach().clone()
        if mesh is not None:
            dist.all_reduce(mean)
            mean /= 8
        losses.append(float(mean))
    return losses


def logits(mesh: DeviceMesh) -> float:
    """`unembed` puts the vocabulary together again."""
    plain, divided = tiny.make("bert"), parallelize(tiny.make("bert"), mesh, tiny.RULES)
    with torch.no_grad():
        rows = tiny.tokens()
        return float((plain.unembed(plain(rows)) - divided.unembed(divided(rows))).abs().max())


def scores(mesh: DeviceMesh) -> float:
    """Log-probabilities of given tokens put the unembedding together, and divide its gradient."""
    models = tiny.make("gpt"), parallelize(tiny.make("gpt"), mesh, tiny.RULES)
    for arch in models:
        rows = tiny.tokens() if arch is models[0] else share(mesh, tiny.tokens())
        hidden = arch(rows[:, :-1]).flatten(0, 1)
        log_probs, _ = token_scores(hidden, Head(arch.unembedding.weight), rows[:, 1:].flatten())
        log_probs.mean().backward()
    return differences(*models)


def everything() -> dict[str, Any]:
    mesh = init_device_mesh("cpu", (2, 4), mesh_dim_names=("data", "model"))
    found: dict[str, Any] = {case: compare(mesh, *CASES[case]) for case in CASES}
    found |= {"parts": one_step_in_parts(mesh), "logits": logits(mesh), "scores": scores(mesh)}
    return found | {"losses": trained(mesh)}


@pytest.fixture(scope="module")
def measured() -> list[dict[str, Any]]:
    return on_processes(8, everything)


@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradients_are_the_undivided_models(measured, case):
    for found in measured:
        assert found[case]["loss"] < 1e-5
        assert found[case]["gradient"] < 1e-5
        assert found[case]["weight"] == 0.0


def test_a_device_holds_its_part_only(measured):
    assert measured[0]["llama"]["held"] == pytest.approx(0.25, abs=0.03)
    assert measured[0]["llama, only stored in parts"]["held"] == pytest.approx(0.5, abs=0.01)
    assert measured[0]["gpt, stored in parts"]["held"] < 0.6 * measured[0]["gpt"]["held"]


def test_gradients_are_averaged_once_a_step(measured):
    assert max(found["parts"] for found in measured) < 1e-6


def test_logits_are_put_together(measured):
    assert max(found["logits"] for found in measured) < 1e-5


def test_scores_have_the_undivided_models_gradients(measured):
    assert max(found["scores"] for found in measured) < 1e-6


def test_clipped_steps_follow_one_process(measured):
    expected = trained(None)
    for found in measured:
        assert found["losses"] == pytest.approx(expected, abs=1e-5)


def test_a_mesh_without_names_is_refused():
    class Unnamed:
        mesh_dim_names = None

    with pytest.raises(ValueError, match="needs names"):
        parallelize(tiny.make("gpt"), Unnamed(), {})  # type: ignore[arg-type]
