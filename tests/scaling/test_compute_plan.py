from __future__ import annotations

from typing import Any

import pytest
import yaml

from lmlab.scaling.compute_plan import ComputePlan
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.shape import Shape, params_by_part
from lmlab.scaling.plan.subject import Asked, Recipe, Subject
from tests.conftest import ROOT

TEXT = (ROOT / "conf" / "stage" / "plan.yaml").read_text()
NODE = {key: value for key, value in yaml.safe_load(TEXT)["stage"].items() if key != "_target_"}
GPT3 = Shape(96, 12288, 96, 4 * 12288, 50257, 2048)
SMALL = Shape(12, 768, 12, 4 * 768, 50257, 2048)


def subject(shape: Shape = GPT3, **changes: Any) -> Subject:
    keys: dict[str, Any] = {
        "name": "gpt_175b",
        "shape": shape,
        "params": params_by_part(shape),
        "seq_len": 2048,
        "lengths": (0, 2048, 2048.0),
        "objective": "clm",
        "tokens": 300e9,
        "batch_tokens": 3.2e6,
        "micro_sequences": 1,
        "hardware": Asked(layout=Layout()),
    }
    return Subject(**(keys | changes))


def no_other(name: str) -> Subject:
    raise AssertionError(name)


def test_gpt_3_on_1024_a100_as_published():
    """Narayanan et al. 2021: 34 days at 140 teraFLOP/s a device, blocks done again; 175B, 3.14e23."""
    keys = {"device": "A100", "num_devices": 1024, "utilisation": 140 / 312}
    found = ComputePlan(**(NODE | keys | {"strategy": "zero3", "checkpointing": "blocks"}))
    answer = found.answer(subject(), no_other)
    assert answer.metrics["plan/params"] == pytest.approx(175e9, rel=0.01)
    assert answer.metrics["plan/days"] == pytest.approx(34, rel=0.05)
    assert answer.metrics["plan/flops_per_token"] * 300e9 == pytest.approx(3.14e23, rel=0.03)
    assert "zero 3, blocks checkpointed on 1024" in answer.text
    assert list(answer.figures) == ["memory"] and "plan/cost_usd" in answer.metrics


def test_without_a_strategy_the_least_divided_that_fits():
    large = ComputePlan(**(NODE | {"num_devices": 1024})).answer(subject(), no_other)
    assert (
        "fits the 80 GiB of H100" in large.text and large.metrics["plan/memory_bytes"] < 72 * 2**30
    )
    small = ComputePlan(**NODE).answer(subject(SMALL, tokens=1e9, batch_tokens=5e5), no_other)
    assert "one device on 1" in small.text and "traffic" not in small.tables


def sharded(number: int, **keys: Any) -> Asked:
    layout = Layout(zero=3, data=number, gathered_bytes=2, **keys)
    return Asked(num_devices=number, layout=layout, accelerator="gpu", precision="bf16")


def test_hardware_names_the_layout_and_the_devices():
    answer = ComputePlan(**NODE).answer(subject(hardware=sharded(64)), no_other)
    assert "zero 3 on 64" in answer.text and "does not fit" in answer.text
    assert "Warning" not in answer.text
    few = ComputePlan(**NODE).answer(subject(hardware=sharded(4096)), no_other)
    assert "less than one sequence" in few.text
    kept = sharded(64, replicas=2, checkpointing="blocks")
    answer = ComputePlan(**NODE).answer(subject(hardware=kept), no_other)
    assert "zero 3, 2 replicas, blocks checkpointed on 64" in answer.text


def test_a_setting_of_the_stage_comes_before_hardware():
    keys = {"num_devices": 128, "checkpointing": "blocks", "precision": "fp32", "tensor": 2}
    answer = ComputePlan(**(NODE | keys)).answer(subject(hardware=sharded(64)), no_other)
    assert "zero 3, tensor 2, blocks checkpointed on 128" in answer.text
    ddp = ComputePlan(**(NODE | {"strategy": "ddp"})).answer(
        subject(hardware=sharded(64)), no_other
    )
    assert "**DDP on 64" in ddp.text
    with pytest.raises(ValueError, match=r"stage.tensor=3 does not divide 64"):
        ComputePlan(**(NODE | {"tensor": 3})).answer(subject(hardware=sharded(64)), no_other)


def test_what_hardware_cannot_be_planned_says_so_unless_the_stage_says_how():
    odd = subject(hardware=Asked(num_devices=64, refusal="hardware.rules cannot be planned"))
    with pytest.raises(ValueError, match="cannot be planned"):
        ComputePlan(**NODE).answer(odd, no_other)
    assert (
        "zero 3 on 64" in ComputePlan(**(NODE | {"strategy": "zero3"})).answer(odd, no_other).text
    )


def test_fp32_is_slower_than_bf16_and_needs_more():
    def metrics(precision: str) -> dict[str, float]:
        asked = Asked(layout=Layout(), precision=precision)
        return ComputePlan(**NODE).answer(subject(SMALL, hardware=asked), no_other).metrics

    fp32, bf16, auto = (metrics(precision) for precision in ("fp32", "bf16", "auto"))
    assert fp32["plan/days"] > bf16["plan/days"] and auto == bf16
    assert fp32["plan/memory_bytes"] != bf16["plan/memory_bytes"]


def test_what_changes_has_the_smaller_one_first():
    keys = {"compare_with": "gpt_small", "num_devices": 1024}
    answer = ComputePlan(**(NODE | keys)).answer(
        subject(), lambda name: subject(SMALL, name=name, tokens=1e9)
    )
    assert "### What changes from gpt_small to gpt_175b" in answer.text
    assert "| gpt_small on 1 H100 | gpt_175b on 1024 H100 |" in answer.text


def test_learning_rates_and_batches_are_those_of_the_recipes():
    found = ComputePlan(**(NODE | {"compare_with": "gpt_3m"})).answer(
        subject(Shape(2, 36, 2, 144, 263, 256), name="gpt_30k", recipe=Recipe(8e-3, 4096)),
        lambda name: subject(
            Shape(7, 192, 6, 768, 263, 256), name=name, recipe=Recipe(2e-3, 16384)
        ),
    )
    assert "| 0.008 (its recipe) | 0.002 (its recipe) |" in found.text
    assert "| 4,096 tokens (its recipe) | 16,384 tokens (its recipe) |" in found.text


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"device": "H1000"}, "did you mean H100"),
        ({"num_devices": 0}, "stage.num_devices=0"),
        ({"utilisation": 40}, "stage.utilisation=40"),
        ({"arithmetic": "fp8", "device": "A100"}, "no known fp8 rate"),
    ],
)
def test_mistakes_name_the_setting(keys, message):
    with pytest.raises(ValueError, match=message):
        ComputePlan(**(NODE | keys))
