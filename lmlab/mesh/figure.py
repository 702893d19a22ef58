"""Figures of arrays on machines and of what they send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lmlab.mesh.einsum import Program, shape_text
from lmlab.mesh.interconnect import Interconnect
from lmlab.mesh.machines import Spec
from lmlab.mesh.report import WHAT, size_text, time_text
from lmlab.mesh.traffic import Sent
from lmlab.scaling.figure.style import BLACK, BLUE, CYCLE, ORANGE, RED, SKY, STYLE, drawing

SHOWN = (0, 1)  # the machine whose work is shown in blue: machine 2
GREY = "#f2f2f2"


def matmul_figure(program: Program) -> Figure:
    """Above, who holds which block of A, B and C; below, what one machine multiplies."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 5.6), layout="constrained")
        grid = figure.subplots(2, 3)
        for column, name in enumerate("ABC"):
            _blocks(grid[0][column], program, name)
            _used(grid[1][column], program, name)
        at = ", ".join(f"{a}={i}" for a, i in zip(program.mesh, SHOWN, strict=True))
        figure.suptitle(
            f"C = A B on {len(program.machines.places)} machines, y=2 by x=4. Machine 2 ({at}) in blue",
            fontsize=11,
        )
        return figure


def _blocks(axes: Axes, program: Program, name: str) -> None:
    """The array with the number of the machine that holds each block at first."""
    array = program.arrays[name]
    for number, place in enumerate(program.machines.places, 1):
        rows, columns = program.machines.ranges(array.shape, ("y", "x"), place)
        _cell(axes, rows, columns, BLUE if place == SHOWN else GREY, str(number), place == SHOWN)
    title = shape_text(array.shape, ("y", "x"))
    _frame(axes, array.shape, f"{name} {title}: each holds one block")


def _used(axes: Axes, program: Program, name: str) -> None:
    """The array with what machine 2 computes with: its own, and what others sent."""
    array, machines = program.arrays[name], program.machines
    needed = machines.ranges(array.shape, array.spec, SHOWN)
    for number, place in enumerate(machines.places, 1):
        rows, columns = machines.ranges(array.shape, ("y", "x"), place)
        inside = (
            needed[0].start < rows.stop
            and rows.start < needed[0].stop
            and needed[1].start < columns.stop
            and columns.start < needed[1].stop
        )
        colour = BLUE if place == SHOWN else SKY if inside else "white"
        _cell(axes, rows, columns, colour, str(number) if inside else "", place == SHOWN)
    _outline(axes, needed)
    steps = [step for step in program.steps if step.array == name]
    text = {"all-gather": 'after all-gather over "{}"', "compute": "one local product"}
    said = text[steps[0].kind].format(steps[0].axis)
    local = array.local(program.mesh)
    stored: Spec = ("y", "x")
    _frame(axes, array.shape, f"{name} {shape_text(local, stored)}: {said}")


def _cell(axes: Axes, rows: slice, columns: slice, colour: str, text: str, strong: bool) -> None:
    corner = (columns.start, rows.start)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    axes.add_patch(Rectangle(corner, *size, facecolor=colour, edgecolor="#b0b0b0", lw=0.8))
    middle = corner[0] + size[0] / 2, corner[1] + size[1] / 2
    axes.text(*middle, text, ha="center", va="center", fontsize=10,
              color="white" if strong else BLACK)  # fmt: skip


def _outline(axes: Axes, needed: tuple[slice, ...]) -> None:
    rows, columns = needed
    size = columns.stop - columns.start, rows.stop - rows.start
    axes.add_patch(
        Rectangle((columns.start, rows.start), *size, facecolor="none", edgecolor=BLACK, lw=1.6)
    )


def _frame(axes: Axes, shape: tuple[int, ...], title: str) -> None:
    axes.set_xlim(-0.2, shape[1] + 0.2)
    axes.set_ylim(shape[0] + 0.2, -0.2)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title(title, fontsize=9.5)


PARTIAL = "Y, parts of the sum"
PANELS = ("X", "W_q", "Q", "S", "O", PARTIAL, "Y")
TITLES = {"W_q": "W_q, W_k, W_v, W_o", "Q": "Q, K, V", "S": "S, softmax(S)"}


def attention_figure(program: Program) -> Figure:
    """Each array as the 2x4 machines; machines of one colour and letter hold the same numbers."""
    with drawing(11.0, 1.7, len(PANELS)) as (figure, grid):
        for axes, name in zip(grid, PANELS, strict=True):
            array = program.arrays["Y" if name == PARTIAL else name]
            spec: Spec = ("data", None, "model") if name == PARTIAL else array.spec
            _machines(axes, program, spec)
            local = shape_text(array.local(program.mesh), array.spec)
            axes.set_title(f"{TITLES.get(name, name)}\n{array.letters}\n{local}", fontsize=7.5)
        grid[0].set_ylabel("data", fontsize=9)
        grid[0].set_xlabel("model", fontsize=9)
        grid[5].set_xlabel('all-reduce over "model" →', fontsize=9, color=RED)
        figure.supxlabel(
            "Machines of the same letter hold the same numbers; the all-reduce is the only collective",
            fontsize=9,
        )
        return figure


def _machines(axes: Axes, program: Program, spec: Spec) -> None:
    """The mesh, a square a machine, lettered by which part it holds."""
    known: dict[tuple[int, ...], int] = {}
    colours = mpl.colormaps["Set3"].colors  # type: ignore[attr-defined]
    for row, column in program.machines.places:
        key = tuple(at for axis, at in (("data", row), ("model", column)) if axis in spec)
        index = known.setdefault(key, len(known))
        axes.add_patch(
            Rectangle((column, row), 1, 1, facecolor=colours[index], edgecolor="white", lw=1.5)
        )
        axes.text(column + 0.5, row + 0.5, "abcdefgh"[index], ha="center", va="center", fontsize=9)
    axes.set_xlim(0, program.mesh["model"])
    axes.set_ylim(program.mesh["data"], 0)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def traffic_figure(sent: list[Sent], links: Mapping[str, Interconnect]) -> Figure:
    """Bytes one device sends in a step, by what for and along which axis; times beside the bars."""
    bars: dict[tuple[str, str, str], float] = {}
    for one in sent:
        key = one.axis, one.what, one.kind
        bars[key] = bars.get(key, 0.0) + one.sent_bytes
    names = [f"{WHAT[what]}\n{kind} over {axis}" for axis, what, kind in bars]
    colours = dict(zip(links, (ORANGE, BLUE, *CYCLE), strict=False))
    with drawing(7.4, 1.2 + 0.55 * len(bars)) as (figure, axes):
        widest = max(bars.values())
        for index, ((axis, _, _), total) in enumerate(bars.items()):
            axes.barh(index, total, color=colours[axis], height=0.6)
            time = time_text(links[axis].seconds(total))
            axes.text(
                total + 0.01 * widest, index, f"{size_text(total)}, {time}", va="center", fontsize=9
            )
        axes.set_yticks(range(len(bars)), names, fontsize=8.5)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.3 * widest)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(lambda value, _: size_text(value))
        used: list[Any] = [
            Rectangle((0, 0), 1, 1, color=colours[axis], label=f"{axis}: {link.name}")
            for axis, link in links.items()
        ]
        axes.legend(handles=used, loc="lower right")
        axes.set_xlabel("sent by one device in an optimizer step")
        return figure
