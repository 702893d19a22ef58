"""Memory of one device by layout, stacked by what holds it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lmlab.scaling.figure.style import BLACK, CYCLE, RED, drawing
from lmlab.scaling.plan.accelerator import Accelerator
from lmlab.scaling.plan.candidate import USABLE

MAX_OVER = 2.5  # bars are cut at so many times what a device has


def memory_figure(rows: list[dict[str, Any]], device: Accelerator, chosen: str) -> Figure:
    """Bars of the rows of a plan's memory table, in their order; a line at what is usable.

    chosen: the layout whose name is set in bold.
    """
    parts = [key for key in rows[0] if key.endswith("(GiB)") and not key.startswith("total")]
    names = [str(row["layout"]) for row in rows]
    table = np.array([[float(row[part].replace(",", "")) for part in parts] for row in rows])
    limit = USABLE * device.memory_gib
    with drawing(7.6, 1.5 + 0.34 * len(rows)) as (figure, axes):
        widest = min(float(table.sum(1).max()), MAX_OVER * limit)
        left = np.zeros(len(rows))
        for index, part in enumerate(parts):
            colour = CYCLE[index % len(CYCLE)]
            axes.barh(names, table[:, index], left=left, color=colour, height=0.66,
                      label=part.removesuffix(" (GiB)"))  # fmt: skip
            left += table[:, index]
        axes.axvline(limit, color=BLACK, lw=1.2, ls="--")
        axes.set_xlim(0, 1.16 * max(widest, limit))
        for index, total in enumerate(left):
            over = total > 1.16 * max(widest, limit)
            axes.annotate(
                f"{rows[index]['total (GiB)']}" + (" →" if over else ""),
                (min(total, 1.14 * max(widest, limit)), index),
                (-3 if over else 4, 0),
                textcoords="offset points",
                ha="right" if over else "left",
                va="center",
                fontsize=9,
                color="white" if over else RED if total > limit else BLACK,
            )
        axes.invert_yaxis()
        for label in axes.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() == chosen else "normal")
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"GiB a device (line: 0.9 of {device.memory_gib:.0f} GiB of {device.name})")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return figure
