from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lmlab.__main__ import main
from lmlab.mesh.explain import MeshExplain
from tests.mesh import tiny

LINKS = {"data": "InfiniBand_NDR", "model": "NVLink_4"}


def stage(**changes: Any) -> MeshExplain:
    keys: dict[str, Any] = {"mesh": {"data": 2, "model": 4}, "rules": tiny.RULES}
    return MeshExplain(**(keys | {"interconnect": LINKS, "activations": "bf16"} | changes))


def subject(**changes: Any) -> Any:
    keys = {"name": "gpt", "lengths": (0, 12, 12.0), "seq_len": 12, "batch_tokens": 96.0}
    return SimpleNamespace(**(keys | {"micro_sequences": 2} | changes))


def test_the_answer_has_the_slides_and_the_architecture():
    answer = stage().answer(subject(), tiny.make("gpt").to("meta"))
    assert 'all-gather A over "x": A [8_y,16_x]' in answer.text
    assert 'all-reduce Y over "model"' in answer.text
    assert "2 micro-batch(es) of 2 x 12 tokens a device" in answer.text
    assert set(answer.figures) == {"matmul", "attention", "collectives"}
    hidden = 2 * 2 * 12 * 32 * 2 * 3 / 4 * 2  # all-reduce, rows, tokens, width, ring of 4, bf16
    block = [row for row in answer.tables["collectives"] if row["where"] == "blocks.*.attention"]
    assert block[0]["times"] == "4" and block[0]["sent"] == f"{2 * hidden / 1e3:.3g} kB"
    assert answer.metrics["mesh/model_seconds"] == pytest.approx(
        answer.metrics["mesh/model_sent_bytes"] / 450e9
    )


def test_activations_in_fp32_weigh_twice():
    sent = [
        stage(activations=kind).answer(subject(), tiny.make("gpt").to("meta")).metrics
        for kind in ("bf16", "fp32")
    ]
    assert sent[1]["mesh/model_sent_bytes"] == 2 * sent[0]["mesh/model_sent_bytes"]
    assert sent[1]["mesh/data_sent_bytes"] == sent[0]["mesh/data_sent_bytes"]


def test_one_device_sends_nothing():
    alone = stage(mesh={"data": 1}, rules={"batch": "data"})
    answer = alone.answer(subject(), tiny.make("gpt").to("meta"))
    assert "Nothing is sent." in answer.text and "collectives" not in answer.figures


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="stage.interconnect has no model"):
        stage(interconnect={"data": "NVLink_4"})
    with pytest.raises(ValueError, match="stage.interconnect.data=wifi is not known"):
        stage(interconnect=LINKS | {"data": "wifi"})
    with pytest.raises(ValueError, match="axes vocab and embed are both on hardware axis model"):
        stage(rules=tiny.RULES | {"embed": "model"}).answer(subject(), tiny.make("gpt").to("meta"))


def test_from_the_command_line(tmp_path, capsys):
    words = ["stage=mesh_explain", "arch=t5_tiny", "hardware.mesh.model=2", "track=none"]
    code = main([*words, f"run.root={tmp_path}"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "2 data x 2 model" in said.out
    folder = next(path.parent for path in tmp_path.glob("*/config.yaml"))
    names = {path.name for path in folder.iterdir()}
    assert {"matmul.png", "attention.pdf", "collectives.png", "tensors.csv"} <= names
    assert "decoder.blocks.*.cross_attention" in (folder / "report.md").read_text()
    found = json.loads((folder / "metrics.json").read_text())
    assert found["mesh/model_sent_bytes"] > found["mesh/data_sent_bytes"] > 0
