"""An einsum on a mesh: the mapping of letters to hardware axes decides what every machine does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lmlab.mesh.machines import Held, Machines, Spec, sent_by_one

NUMBER_BYTES = 4  # fp32


@dataclass(frozen=True, slots=True)
class Array:
    """A named array on a mesh: its letters, whole shape, and the hardware axis of each dimension."""

    name: str
    letters: str
    shape: tuple[int, ...]
    spec: Spec

    def local(self, mesh: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of one machine's part."""
        pairs = zip(self.shape, self.spec, strict=True)
        return tuple(size if axis is None else size // mesh[axis] for size, axis in pairs)


@dataclass(frozen=True, slots=True)
class Step:
    """What every machine does at once.

    kind: all-gather, all-reduce, slice or compute; array: whose; axis: of the hardware; before,
    after: one machine's part; sent_bytes: by one machine, on a ring.
    """

    kind: str
    array: str
    axis: str | None
    before: tuple[int, ...]
    after: tuple[int, ...]
    sent_bytes: float
    text: str


def shape_text(shape: Sequence[int], spec: Spec) -> str:
    """As the slides write it: [8_y,16_x]."""
    inner = (f"{n}_{axis}" if axis else f"{n}" for n, axis in zip(shape, spec, strict=True))
    return f"[{','.join(inner)}]"


class Program:
    """Steps on a mesh, carried out on numbers as they are planned.

    `steps` is what was done; `held` what every machine has; `whole` the same without a mesh.
    Source: rows S1-10, S1-11, S1-13 to S1-17.
    """

    def __init__(self, mesh: Mapping[str, int], mapping: Mapping[str, str | None]) -> None:
        self.machines, self.mesh, self.mapping = Machines(mesh), dict(mesh), dict(mapping)
        self.arrays: dict[str, Array] = {}
        self.held: dict[str, Held] = {}
        self.whole: dict[str, np.ndarray] = {}
        self.steps: list[Step] = []

    def put(self, name: str, letters: str, values: np.ndarray, spec: Spec | None = None) -> None:
        """Lay an array out on the machines; spec: None divides it as the mapping says.

        Raises: ValueError for two letters on one hardware axis, or one that does not divide.
        """
        spec = self._mapped(name, letters) if spec is None else spec
        self.arrays[name] = Array(name, letters, values.shape, spec)
        self.whole[name], self.held[name] = values, self.machines.cut(values, spec)

    def einsum(self, equation: str, *names: str, to: str) -> None:
        """One einsum: gather what the mapping does not divide, multiply, add partial sums up.

        Raises: ValueError for an array that is not there, is there twice, or has other dimensions.
        """
        self._check(equation, names)
        inputs, output = equation.split("->")
        for name, letters in zip(names, inputs.split(","), strict=True):
            self._rename(name, letters)
            self._lay_out(name, self._mapped(name, letters))
        self._compute(equation, names, to)
        summed = sorted(set(inputs) - set(output) - {","})
        for letter in summed:
            axis = self.mapping.get(letter)
            if axis is not None:
                self._all_reduce(to, letter, axis)

    def softmax(self, name: str, to: str) -> None:
        """Over the last dimension, which no machine may hold in part."""
        array = self.arrays[name]
        if array.spec[-1] is not None:
            raise ValueError(f"softmax over {array.letters[-1]} of {name}, which is divided")
        self.held[to] = {place: _softmax(part) for place, part in self.held[name].items()}
        self.whole[to] = _softmax(self.whole[name])
        self.arrays[to] = Array(to, array.letters, array.shape, array.spec)
        local = array.local(self.mesh)
        text = f"{to} {shape_text(local, array.spec)} = softmax({name})"
        self.steps.append(Step("compute", to, None, local, local, 0.0, text))

    def error(self, name: str) -> float:
        """The largest difference between the machines' numbers and the plain result."""
        array = self.arrays[name]
        together = self.machines.put_together(self.held[name], array.shape, array.spec)
        return float(np.abs(together - self.whole[name]).max())

    def _check(self, equation: str, names: tuple[str, ...]) -> None:
        said = f'einsum("{equation}", {", ".join(names)})'
        sides = equation.split("->")
        if len(sides) != 2 or len(sides[0].split(",")) != len(names):
            raise ValueError(f"{said}: write letters of {len(names)} arrays, ->, and of the result")
        for name, letters in zip(names, sides[0].split(","), strict=True):
            if name not in self.arrays:
                have = ", ".join(self.arrays)
                raise ValueError(f"{said}: there is no array {name}; there are {have}")
            if names.count(name) > 1:
                raise ValueError(
                    f"{said}: {name} is there twice, and every machine holds an array in one layout; "
                    f"put the same values under a second name"
                )
            if len(letters) != len(self.arrays[name].shape):
                shape = list(self.arrays[name].shape)
                raise ValueError(
                    f"{said}: {letters} does not name the dimensions of {name} {shape}"
                )

    def _mapped(self, name: str, letters: str) -> Spec:
        spec = tuple(self.mapping.get(letter) for letter in letters)
        for axis in set(spec) - {None}:
            on = [letter for letter in letters if self.mapping.get(letter) == axis]
            if len(on) > 1:
                raise ValueError(f"{name}: {' and '.join(on)} are both on hardware axis {axis}")
        return spec

    def _rename(self, name: str, letters: str) -> None:
        old = self.arrays[name]
        self.arrays[name] = Array(name, letters, old.shape, old.spec)

    def _lay_out(self, name: str, wanted: Spec) -> None:
        for dim, axis in enumerate(wanted):
            have = self.arrays[name].spec[dim]
            if have not in (None, axis):
                self._all_gather(name, dim, have)
        for dim, axis in enumerate(wanted):
            if axis is not None and self.arrays[name].spec[dim] is None:
                self._slice(name, dim, axis)

    def _replace(self, name: str, dim: int, axis: str | None) -> Array:
        array = self.arrays[name]
        spec = (*array.spec[:dim], axis, *array.spec[dim + 1 :])
        self.arrays[name] = Array(name, array.letters, array.shape, spec)
        return array

    def _all_gather(self, name: str, dim: int, axis: str) -> None:
        before = self._replace(name, dim, None)
        self.held[name] = self.machines.all_gather(self.held[name], dim, axis)
        size = NUMBER_BYTES * float(np.prod(self.arrays[name].local(self.mesh)))
        sent = sent_by_one("all-gather", size, self.mesh[axis])
        after = self.arrays[name].local(self.mesh)
        text = f'all-gather {name} over "{axis}": {name} {shape_text(after, before.spec)}'
        shapes = before.local(self.mesh), after
        self.steps.append(Step("all-gather", name, axis, *shapes, sent, text))

    def _slice(self, name: str, dim: int, axis: str) -> None:
        before = self._replace(name, dim, axis)
        array = self.arrays[name]
        self.held[name] = self.machines.cut(self.whole[name], array.spec)
        text = f'keep an own part of {name} along "{axis}"'
        shapes = before.local(self.mesh), array.local(self.mesh)
        self.steps.append(Step("slice", name, axis, *shapes, 0.0, text))

    def _compute(self, equation: str, names: tuple[str, ...], to: str) -> None:
        output = equation.split("->")[1]
        self.whole[to] = np.einsum(equation, *(self.whole[name] for name in names))
        parts = {
            place: np.einsum(equation, *(self.held[name][place] for name in names))
            for place in self.machines.places
        }
        self.held[to] = parts
        array = Array(to, output, self.whole[to].shape, self._mapped(to, output))
        self.arrays[to] = array
        local = array.local(self.mesh)
        text = f'{to} {shape_text(local, array.spec)} = einsum("{equation}", {", ".join(names)})'
        self.steps.append(Step("compute", to, None, local, local, 0.0, text))

    def _all_reduce(self, name: str, letter: str, axis: str) -> None:
        self.held[name] = self.machines.all_reduce(self.held[name], axis)
        array = self.arrays[name]
        local = array.local(self.mesh)
        size = NUMBER_BYTES * float(np.prod(local))
        sent = sent_by_one("all-reduce", size, self.mesh[axis])
        text = f'all-reduce {name} over "{axis}" (its parts of the sum over {letter})'
        self.steps.append(Step("all-reduce", name, axis, local, local, sent, text))


def _softmax(x: np.ndarray) -> np.ndarray:
    shifted = np.exp(x - x.max(-1, keepdims=True))
    result: np.ndarray = shifted / shifted.sum(-1, keepdims=True)
    return result
