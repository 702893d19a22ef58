from __future__ import annotations

import numpy as np
import pytest

from lmlab.mesh.einsum import Program, shape_text

DRAW = np.random.default_rng(1)


def product(mapping: dict[str, str | None], a: tuple, b: tuple) -> Program:
    program = Program({"y": 2, "x": 4}, mapping)
    program.put("A", "mn", DRAW.normal(size=(8, 8)), a)
    program.put("B", "np", DRAW.normal(size=(8, 8)), b)
    program.einsum("mn,np->mp", "A", "B", to="C")
    return program


def test_a_summed_letter_that_stays_divided_needs_an_all_reduce():
    program = product({"n": "x"}, (None, "x"), ("x", None))
    assert [step.kind for step in program.steps] == ["compute", "all-reduce"]
    assert program.steps[1].sent_bytes == 2 * 3 / 4 * 8 * 8 * 4
    assert program.error("C") < 1e-12


def test_what_the_mapping_divides_and_nobody_has_divided_is_cut():
    program = product({"m": "y", "p": "x"}, (None, None), (None, None))
    assert [step.kind for step in program.steps] == ["slice", "slice", "compute"]
    assert program.error("C") < 1e-12


def test_an_array_divided_along_another_axis_is_gathered_first():
    program = product({"m": "x"}, ("y", None), (None, None))
    assert [step.kind for step in program.steps] == ["all-gather", "slice", "compute"]
    assert program.arrays["C"].local(program.mesh) == (2, 8) and program.error("C") < 1e-12


@pytest.mark.parametrize("m", [None, "y", "x"])
@pytest.mark.parametrize("n", [None, "y", "x"])
@pytest.mark.parametrize("p", [None, "y", "x"])
def test_any_mapping_that_is_allowed_gives_the_plain_product(m, n, p):
    mapping = {"m": m, "n": n, "p": p}
    used = [axis for axis in (m, n, p) if axis]
    if len(used) != len(set(used)):
        return
    assert product(mapping, ("y", "x"), ("x", "y")).error("C") < 1e-12


def test_the_printed_mapping_divides_the_sum():
    """Row S1-15 as printed: {"m": "y", "n": "x"} gives [8_y,16] and an all-reduce."""
    program = product({"m": "y", "n": "x"}, ("y", "x"), ("y", "x"))
    assert [step.kind for step in program.steps][-2:] == ["compute", "all-reduce"]
    assert program.arrays["C"].spec == ("y", None)


def test_two_letters_on_one_axis_are_refused():
    with pytest.raises(ValueError, match="A: m and n are both on hardware axis x"):
        product({"m": "x", "n": "x"}, (None, None), (None, None))


def test_one_array_twice_is_refused_and_a_second_name_does():
    program = Program({"y": 2, "x": 4}, {"m": "y", "p": "x"})
    values = DRAW.normal(size=(8, 8))
    program.put("A", "mn", values)
    with pytest.raises(
        ValueError, match=r'einsum\("mn,np->mp", A, A\): A is there twice.*second name'
    ):
        program.einsum("mn,np->mp", "A", "A", to="C")
    program.put("A2", "np", values)
    program.einsum("mn,np->mp", "A", "A2", to="C")
    assert program.error("C") < 1e-12


@pytest.mark.parametrize(
    ("equation", "names", "message"),
    [
        ("mn,np->mp", ("A", "B"), "there is no array B; there are A"),
        ("mnk->mn", ("A",), r"mnk does not name the dimensions of A \[8, 8\]"),
        ("mn,np->mp", ("A",), "letters of 1 arrays"),
        ("mn", ("A",), "->, and of the result"),
    ],
)
def test_an_einsum_that_does_not_fit_its_arrays(equation, names, message):
    program = Program({"y": 2}, {})
    program.put("A", "mn", DRAW.normal(size=(8, 8)))
    with pytest.raises(ValueError, match=message):
        program.einsum(equation, *names, to="C")


def test_a_wrong_number_on_one_machine_shows():
    program = product({"m": "y", "p": "x"}, (None, None), (None, None))
    program.held["C"][(1, 1)] = program.held["C"][(1, 1)] + 1.0
    assert program.error("C") == pytest.approx(1.0)


def test_a_softmax_needs_whole_rows():
    program = Program({"x": 2}, {"m": "x"})
    program.put("S", "nm", DRAW.normal(size=(2, 4)))
    with pytest.raises(ValueError, match="softmax over m of S"):
        program.softmax("S", to="P")


def test_the_slides_notation():
    assert shape_text((8, 16), ("y", "x")) == "[8_y,16_x]"
    assert shape_text((2, 8), ("data", None)) == "[2_data,8]"


def test_reading_rules_of_einsum():
    """Row S1-13: what both sides name is multiplied, what the right side leaves out is summed."""
    a, b, c = (DRAW.normal(size=s) for s in ((3,), (3,), (2, 3)))
    assert np.allclose(np.einsum("i,i->i", a, b), a * b)
    assert np.einsum("i,i->", a, b) == pytest.approx((a * b).sum())
    assert np.allclose(np.einsum("ij,j->i", c, b), c.dot(b))
