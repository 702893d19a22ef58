from __future__ import annotations

from lmlab.mesh.interconnect import interconnects
from lmlab.mesh.report import arch_rows, axis_rows, part_of, size_text, tensor_rows, time_text
from lmlab.mesh.traffic import Sent
from tests.mesh import tiny

LINKS = {
    "data": interconnects()["InfiniBand_NDR"],
    "model": interconnects()["NVLink_4"],
}
SENT = [
    Sent("all-reduce", "data", "blocks.*.attention.query.weight", "gradient", 4, 4096, 50e6),
    Sent("all-reduce", "data", "blocks.*.attention.key.weight", "gradient", 4, 4096, 50e6),
    Sent("all-reduce", "model", "blocks.*.attention.output", "activation", 8, 4096, 9e6),
]


def test_matrices_of_all_layers_are_one_row():
    rows = tensor_rows(tiny.make("gpt"), {"data": 2, "model": 4}, tiny.RULES)
    table = {row["tensor"]: row for row in rows}
    assert table["blocks.*.attention.query.weight"] == {
        "tensor": "blocks.*.attention.query.weight",
        "axes": "heads head_width, embed",
        "shape": "32x32",
        "spec": "model, -",
        "one device": "8x32",
    }
    assert table["token_embedding.weight"]["one device"] == "16x32"


def test_collectives_of_one_layer_are_one_row_and_activations_first():
    rows = arch_rows(SENT, LINKS)
    assert [row["what"] for row in rows] == ["activations, forward", "gradients of weights"]
    assert rows[1] == {
        "what": "gradients of weights",
        "where": "blocks.*.attention",
        "collective": "all-reduce over data",
        "times": "8",
        "sent": "100 MB",
        "time": "2 ms",
    }


def test_axes_are_summed():
    rows = axis_rows(SENT, LINKS)
    assert [row["sent"] for row in rows] == ["100 MB", "9 MB"]
    assert rows[1]["interconnect"] == "NVLink_4, 450 GB/s" and rows[1]["time"] == "20 us"


def test_words():
    assert part_of("encoder.blocks.*.attention.query.weight") == "encoder.blocks.*.attention"
    assert part_of("token_embedding.weight") == "token_embedding" and part_of("loss") == "loss"
    assert size_text(12) == "12 B" and size_text(1.54e9) == "1.54 GB"
    assert time_text(1.2) == "1.2 s" and time_text(5.6e-6) == "5.6 us"
