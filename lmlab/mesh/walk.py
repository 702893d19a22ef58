"""The two worked examples of the lectures: a matrix product and attention on eight machines."""

from __future__ import annotations

from typing import Any

import numpy as np

from lmlab.mesh.einsum import Program, shape_text

MATMUL_MESH = {"y": 2, "x": 4}
MATMUL_MAPPING = {"m": "y", "p": "x", "n": None}
ATTENTION_MESH = {"data": 2, "model": 4}
ATTENTION_MAPPING = {"b": "data", "n": None, "d": None, "h": "model", "k": None}
ATTENTION_SIZES = {"b": 4, "n": 8, "d": 16, "h": 4, "k": 4}


def matmul() -> Program:
    """C = A B, all [16_y,16_x]: two all-gathers, then [8,16] times [16,4] on every machine.

    Source: rows S1-10, S1-11, S1-14, S1-15. Differs: the mapping is m to y and p to x with n
    gathered; the printed {"m": "y", "n": "x"} says nothing of p and divides the sum.
    """
    draw = np.random.default_rng(0)
    program = Program(MATMUL_MESH, MATMUL_MAPPING)
    for name, letters in (("A", "mn"), ("B", "np")):
        program.put(name, letters, draw.integers(-9, 10, (16, 16)).astype(float), ("y", "x"))
    program.einsum("mn,np->mp", "A", "B", to="C")
    return program


def attention() -> Program:
    """Multi-head attention by six einsums and a softmax: one all-reduce, of the output.

    Source: rows S1-16, S1-17. Differs: the value step is "bhnm,bhmk->bhnk"; none of the three
    printed forms is an einsum.
    """
    draw, size = np.random.default_rng(0), ATTENTION_SIZES
    program = Program(ATTENTION_MESH, ATTENTION_MAPPING)
    program.put("X", "bnd", draw.normal(size=[size[c] for c in "bnd"]))
    for name in ("W_q", "W_k", "W_v", "W_o"):
        program.put(name, "hdk", 0.25 * draw.normal(size=[size[c] for c in "hdk"]))
    for name in ("Q", "K", "V"):
        program.einsum("bnd,hdk->bhnk", "X", f"W_{name.lower()}", to=name)
    program.einsum("bhnk,bhmk->bhnm", "Q", "K", to="S")
    program.softmax("S", to="P")
    program.einsum("bhnm,bhmk->bhnk", "P", "V", to="O")
    program.einsum("bhnk,hdk->bnd", "O", "W_o", to="Y")
    return program


def step_rows(program: Program) -> list[dict[str, Any]]:
    """The steps as rows of a table, with the bytes that one machine and all machines send."""
    number = len(program.machines.places)
    return [
        {
            "step": str(index),
            "what every machine does": step.text,
            "its part before": "x".join(map(str, step.before)),
            "after": "x".join(map(str, step.after)),
            "bytes a machine sends": f"{step.sent_bytes:,.0f}" if step.sent_bytes else "-",
            "bytes in all": f"{number * step.sent_bytes:,.0f}" if step.sent_bytes else "-",
        }
        for index, step in enumerate(program.steps, 1)
    ]


def shard_rows(
    program: Program, layouts: dict[str, tuple[str | None, ...]]
) -> list[dict[str, Any]]:
    """Which part of some arrays each machine holds, by its number and place on the mesh."""
    rows = []
    for number, place in enumerate(program.machines.places, 1):
        at = ", ".join(f"{axis}={i}" for axis, i in zip(program.mesh, place, strict=True))
        row: dict[str, Any] = {"machine": str(number), "at": at}
        for name, spec in layouts.items():
            array = program.arrays[name]
            parts = program.machines.ranges(array.shape, spec, place)
            row[_title(program, name, spec)] = ", ".join(
                letter
                if part.stop - part.start == size
                else f"{letter} {part.start}..{part.stop - 1}"
                for letter, part, size in zip(array.letters, parts, array.shape, strict=True)
            )
        rows.append(row)
    return rows


def _title(program: Program, name: str, spec: tuple[str | None, ...]) -> str:
    return f"{name} {shape_text(program.arrays[name].shape, spec)}"
