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
from lmlab.sweep.local import Local, threads_each
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
MOST = "<="
_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def dry_run(plan: Plan) -> int:
    """Print the table; nothing is written, and nothing started. 1 where a job cannot be built."""
    found = estimates(plan.jobs, plan.config["launcher"])
    print(table(plan.jobs, found, _at_once(plan)))
    return 1 if any("error" in one for one in found) else 0


def estimates(jobs: list[Planned], launcher: dict[str, Any]) -> list[dict[str, Any]]:
    """What each takes, by one process that has torch. Raises: RuntimeError if it fails."""
    configs = [with_threads(resolve.plain(job.composed.cfg), launcher) for job in jobs]
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


def with_threads(config: dict[str, Any], launcher: dict[str, Any]) -> dict[str, Any]:
    """The job with the CPU threads that the launcher `local` gives its processes, if it says none."""
    hardware = config["hardware"]
    if not launcher["_target_"].endswith(Local.__name__) or hardware.get("threads") is not None:
        return config
    number = int(hardware["devices"]) * int(hardware["nodes"])
    threads = threads_each(int(launcher["jobs"]), max(1, number))
    return config | {"hardware": hardware | {"threads": threads}}


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
        _sum(found, "minutes", minutes, at_once or 1),
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
    most = MOST if one.get("at_most") and one["tokens"] is not None else ""
    return (
        count(one["params"]),
        count(one["params_inside"]),
        *(most + _known(one[key], count) for key in ("tokens", "flops")),
        most + _known(one["minutes"], minutes),
        _known(one["memory_bytes"], lambda size: f"{size / 1e9:.2g}"),
    )


def _known(value: float | None, show: Callable[[float], str]) -> str:
    return "?" if value is None else show(value)


def _sum(
    found: list[dict[str, Any]], key: str, show: Callable[[float], str], at_once: int = 1
) -> str:
    """at_once: jobs that run beside each other."""
    most = MOST if any(one.get("at_most") for one in found) else ""
    values = [one.get(key) for one in found]
    known = [value for value in values if value is not None]
    more = "" if len(known) == len(values) else "+?"
    return most + show(sum(known) / min(at_once, max(1, len(known)))) + more


def _basis(found: list[dict[str, Any]], at_once: int | None) -> list[str]:
    lines = []
    peaks = {(one["peak"], one["how"]) for one in found if "peak" in one}
    for peak, how in sorted(peaks):
        used = [
            one["utilisation"] for one in found if (one.get("peak"), one.get("how")) == (peak, how)
        ]
        span = " to ".join(f"{part:.0%}" for part in sorted({min(used), max(used)}))
        lines.append(
            f"minutes: at {span} (by the width, on a CPU as measured) of a peak of {peak:.3g} FLOP/s "
            f"({how}) a process, and 8 s to start and end a job; without validation"
        )
    missing = sorted({one["missing"] for one in found if "missing" in one})
    lines += [
        f"minutes: no {kind} here; hardware.peak_flops=989e12 tells its peak" for kind in missing
    ]
    if at_once is None:
        lines.append("all: the minutes of the jobs one after the other")
    elif at_once > 1:
        lines.append(f"all: the minutes of {at_once} jobs at once")
    if any(one.get("at_most") for one in found):
        lines.append(f"{MOST}: with full rows; the data's may be shorter")
    lines.append("memory: of one process at the peak of a step, as stage=plan counts it")
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
