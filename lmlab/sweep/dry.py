"""A dry run: the table of jobs with their size, compute, minutes and memory, and the total."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lmlab.config import resolve
from lmlab.sweep.local import Local
from lmlab.sweep.plan import Plan, Planned
from lmlab.sweep.task import package_environment

COLUMNS = (
    "job",
    "params",
    "outside embeddings",
    "tokens",
    "FLOPs",
    "minutes",
    "memory GB",
    "of it",
)
_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def dry_run(plan: Plan) -> int:
    """Print the table; nothing is written, and nothing started. 1 where a job cannot be built."""
    found = estimates(plan.jobs)
    print(table(plan.jobs, found, _at_once(plan)))
    return 1 if any("error" in one for one in found) else 0


def estimates(jobs: list[Planned]) -> list[dict[str, Any]]:
    """What each takes, by one process that has torch. Raises: RuntimeError if it fails."""
    configs = [resolve.plain(job.composed.cfg) for job in jobs]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.json"
        path.write_text(json.dumps(configs))
        done = subprocess.run(
            [sys.executable, "-m", "lmlab.sweep.estimate", str(path)],
            env=package_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(f"the estimate failed: {done.stderr.strip()[-500:]}")
    read: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return read


def table(jobs: list[Planned], found: list[dict[str, Any]], at_once: int | None) -> str:
    """The jobs, the total, and what the minutes rest on."""
    rows = [
        (str(number), *_cells(one), job.name or job.label or "one job")
        for number, (job, one) in enumerate(zip(jobs, found, strict=True), 1)
    ]
    total = (
        "all",
        "",
        "",
        _sum(found, "tokens", count),
        _sum(found, "flops", count),
        _sum(found, "minutes", minutes),
        "",
        f"{len(jobs)} jobs, nothing was started",
    )
    widths = [max(len(row[i]) for row in (COLUMNS, *rows, total)) for i in range(7)]
    lines = [_line((*COLUMNS[:7], ""), widths), *(_line(row, widths) for row in rows)]
    return "\n".join([*lines, _line(total, widths), *_basis(found, at_once)])


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join([*cells, row[7]]).rstrip()


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    if "error" in one:
        return ("", "", "", "", "", f"cannot be built: {one['error']};")
    return (
        count(one["params"]),
        count(one["params_inside"]),
        _known(one["tokens"], count),
        _known(one["flops"], count),
        _known(one["minutes"], minutes),
        f"{one['memory_bytes'] / 1e9:.2g}",
    )


def _known(value: float | None, show: Callable[[float], str]) -> str:
    return "?" if value is None else show(value)


def _sum(found: list[dict[str, Any]], key: str, show: Callable[[float], str]) -> str:
    values = [one.get(key) for one in found]
    known = [value for value in values if value is not None]
    more = "" if len(known) == len(values) else "+?"
    return show(sum(known)) + more


def _basis(found: list[dict[str, Any]], at_once: int | None) -> list[str]:
    lines = []
    for one in found:
        if "peak" in one:
            line = (
                f"minutes: at {one['utilisation']:.0%} (assumed) of a peak of "
                f"{one['peak']:.3g} FLOP/s ({one['how']}), without start-up and validation"
            )
            lines += [line] if line not in lines else []
    missing = sorted({one["missing"] for one in found if "missing" in one})
    lines += [
        f"minutes: no {kind} here; hardware.peak_flops=989e12 tells its peak" for kind in missing
    ]
    if at_once != 1:
        lines.append("jobs at once share the machine: the total of the minutes stays")
    lines.append("memory: 16 bytes a parameter and 34 a layer, token and channel of a micro-batch")
    if any(one.get("tokens", 0) is None for one in found):
        lines.append("?: only the data, or the clock, would tell")
    return lines


def _at_once(plan: Plan) -> int | None:
    node = plan.config["launcher"]
    return int(node["jobs"]) if node["_target_"].endswith(Local.__name__) else None


def count(number: float) -> str:
    """1234567 becomes 1.23M; above 1000 of the largest unit as a power of ten."""
    if abs(number) >= 1e16:
        return f"{number:.3g}"
    for size, letter in _UNITS:
        if abs(number) >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def minutes(number: float) -> str:
    """Two digits below 10, whole ones above."""
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"
