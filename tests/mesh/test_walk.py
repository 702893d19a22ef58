"""The slides' two examples, as printed there where that is right."""

from __future__ import annotations

import numpy as np
import pytest

from lmlab.mesh.walk import attention, matmul, shard_rows, step_rows


def test_the_matrix_product_of_the_slides():
    """Rows S1-10 and S1-11: these three lines, these shapes."""
    program = matmul()
    assert [step.text for step in program.steps] == [
        'all-gather A over "x": A [8_y,16_x]',
        'all-gather B over "y": B [16_y,4_x]',
        'C [8_y,4_x] = einsum("mn,np->mp", A, B)',
    ]
    assert [step.before for step in program.steps] == [(8, 4), (8, 4), (8, 4)]
    assert [step.after for step in program.steps] == [(8, 16), (16, 4), (8, 4)]
    assert [step.sent_bytes for step in program.steps] == [384, 128, 0]
    assert np.array_equal(program.whole["C"], program.whole["A"] @ program.whole["B"])
    assert program.error("C") == 0.0


def test_who_holds_what_at_first():
    rows = shard_rows(matmul(), {"A": ("y", "x")})
    assert rows[0] == {"machine": "1", "at": "y=0, x=0", "A [16_y,16_x]": "m 0..7, n 0..3"}
    assert rows[6] == {"machine": "7", "at": "y=1, x=2", "A [16_y,16_x]": "m 8..15, n 8..11"}


def test_attention_sends_its_output_only():
    """Rows S1-16 and S1-17."""
    program = attention()
    assert [step.kind for step in program.steps] == ["compute"] * 7 + ["all-reduce"]
    assert program.steps[-1].text == 'all-reduce Y over "model" (its parts of the sum over h)'
    assert program.steps[0].after == (2, 1, 8, 4) and program.steps[3].after == (2, 1, 8, 8)
    assert all(program.error(name) < 1e-12 for name in ("Q", "S", "P", "O", "Y"))
    assert step_rows(program)[-1]["bytes in all"] == "12,288"


def test_attention_is_the_plain_einsums():
    w = attention().whole
    q, k, v = (np.einsum("bnd,hdk->bhnk", w["X"], w[f"W_{n}"]) for n in "qkv")
    scores = np.exp(np.einsum("bhnk,bhmk->bhnm", q, k))
    scores /= scores.sum(-1, keepdims=True)
    mixed = np.einsum("bhnm,bhmk->bhnk", scores, v)
    assert np.allclose(w["Y"], np.einsum("bhnk,hdk->bnd", mixed, w["W_o"]))


@pytest.mark.parametrize("printed", ["bhnk,bhmk->bhnk", "bhn,bhmk->bhnk", "bhnmbhmk->bhnk"])
def test_the_printed_value_steps_are_no_einsums(printed):
    w = attention().whole
    with pytest.raises(ValueError):
        np.einsum(printed, *((w["P"], w["V"]) if "," in printed else (w["P"],)))
