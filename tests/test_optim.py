from __future__ import annotations

import pytest
import torch

from lmlab.arch.layer.lora import add_lora
from lmlab.optim import AdamW, Muon, rate
from tests.conftest import small_gpt

KEYS = {
    "learning_rate": 1e-2,
    "betas": [0.9, 0.95],
    "eps": 1e-8,
    "weight_decay": 0.1,
    "clip_norm": 1.0,
    "schedule": "cosine",
    "warmup_fraction": 0.1,
    "final_fraction": None,
    "decay_fraction": None,
    "mup_base_width": None,
}
MUON = KEYS | {"muon_learning_rate": 1e-2, "momentum": 0.95}


def at(schedule: str, progress: float) -> float:
    return rate(schedule, progress, 0.1, None, None)


@pytest.mark.parametrize("schedule", ["cosine", "wsd", "constant", "inverse_sqrt"])
def test_every_schedule_warms_up_in_a_line_and_peaks_at_one(schedule):
    assert at(schedule, 0.05) == pytest.approx(0.5)
    assert at(schedule, 0.1) == pytest.approx(1.0)
    assert all(at(schedule, step / 100) <= 1.0 + 1e-9 for step in range(101))


@pytest.mark.parametrize(
    ("schedule", "progress", "want"),
    [
        ("cosine", 0.55, 0.55),
        ("cosine", 1.0, 0.1),
        ("wsd", 0.8, 1.0),
        ("wsd", 0.9, 0.5),
        ("wsd", 1.0, 0.0),
        ("constant", 1.0, 1.0),
        ("inverse_sqrt", 0.4, 0.5),
    ],
)
def test_hand_cases_of_the_schedules(schedule, progress, want):
    assert at(schedule, progress) == pytest.approx(want)


def test_matrices_decay_and_vectors_do_not():
    (optimizer,) = AdamW(**KEYS).build(small_gpt())
    decayed, plain = optimizer.param_groups
    assert decayed["weight_decay"] == 0.1 and all(p.dim() >= 2 for p in decayed["params"])
    assert plain["weight_decay"] == 0.0 and all(p.dim() < 2 for p in plain["params"])


@pytest.mark.parametrize("made", [AdamW(**KEYS), Muon(**MUON)])
def test_every_parameter_has_one_optimizer_and_learns(made):
    model = small_gpt()
    optimizers = made.build(model)
    held = [id(p) for o in optimizers for g in o.param_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())
    tokens, losses = torch.randint(61, (4, 17)), []
    for _ in range(20):
        logits = model.unembed(model(tokens[:, :-1]))
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 1


def test_muon_takes_the_matrices_inside_the_blocks_only():
    model = small_gpt()
    _, muon = Muon(**MUON).build(model)
    inside = {id(p) for p in model.blocks.parameters() if p.dim() == 2}
    assert {id(p) for g in muon.param_groups for p in g["params"]} == inside


@pytest.mark.parametrize("made", [AdamW(**KEYS), Muon(**MUON)])
def test_without_gradients_a_step_moves_nothing(made):
    model = small_gpt()
    before = [p.detach().clone() for p in model.parameters()]
    for optimizer in made.build(model):
        optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rate": 0.0}, "optim.learning_rate=0.0"),
        ({"betas": [0.9]}, "optim.betas"),
        ({"warmup_fraction": 1.0}, "optim.warmup_fraction=1.0"),
        ({"clip_norm": 0.0}, "optim.clip_norm=0.0"),
        ({"decay_fraction": 0.0}, "optim.decay_fraction=0.0"),
    ],
)
def test_settings_out_of_range_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        AdamW(**(KEYS | change))


def test_where_only_adapters_train_muon_has_all_of_them():
    model = small_gpt()
    add_lora(model, 2, 4.0, ["query", "value"])
    (muon,) = Muon(**MUON).build(model)
    held = [p for group in muon.param_groups for p in group["params"]]
    assert isinstance(muon, torch.optim.Muon) and len(held) == 8


def test_where_no_block_trains_adamw_has_all():
    model = small_gpt()
    model.blocks.requires_grad_(False)
    (adamw,) = Muon(**MUON).build(model)
    assert isinstance(adamw, torch.optim.AdamW)
