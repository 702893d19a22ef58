"""A sweep's page: the table of its jobs, its verdict, its figure, the command to go on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmlab.config.origin import readable
from lmlab.sweep import ranking
from lmlab.sweep.answers import answers
from lmlab.sweep.expect import children, judge
from lmlab.sweep.folder import SweepFolder
from lmlab.sweep.note import figures, fitted, linked
from lmlab.sweep.parent import command, go_on
from lmlab.sweep.plan import Plan, Planned
from lmlab.sweep.result import Result, read_result, with_published
from lmlab.sweep.search_plan import SearchPlan
from lmlab.sweep.show import label_of, state_of

# Metrics that say how a job came out, the first ones there are.
SHOWN = (
    "params/non_embedding",
    "published/score",
    "val/bits_per_byte",
    "val/loss_nats",
    "val/accuracy",
    "train/loss_nats",
    "progress/tokens",
    "progress/flops",
)
LEFT_OUT = ("val/perplexity",)
MAX_METRICS = 10


@dataclass(frozen=True, slots=True)
class Report:
    """note: Markdown; files: written into the sweep's folder; lines: for the terminal.

    metrics: of the sweep as a whole, from its jobs that train nothing.
    """

    note: str
    tags: dict[str, str]
    files: tuple[str, ...]
    lines: list[str]
    metrics: dict[str, float] = field(default_factory=dict)


def make_report(plan: Plan, folder: SweepFolder, *, finished: bool) -> Report:
    """Everything about the jobs so far; writes table.json and the figure into the folder."""
    by_hash = {job.hash: job for job in plan.jobs}
    jobs = [by_hash[entry.hash] for entry in folder.entries]
    results = [
        with_published(
            read_result(label_of(entry), state_of(entry), folder.run_folder(entry)),
            job.published.score if job.published else None,
        )
        for entry, job in zip(folder.entries, jobs, strict=True)
    ]
    rows = table_rows(results)
    text = {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}
    (folder.path / "table.json").write_text(json.dumps(text, indent=1))
    verdict, tags, lines = _verdict(plan, jobs, results, finished)
    files = ["table.json"]
    figure, said = _figure(plan, folder, results)
    files += [figure] if figure else []
    lines += [f"figure: {readable(folder.path / figure)}"] if figure else said
    ranked, ranked_lines, drawn = _ranking(plan, folder, jobs, results)
    lines, files = [*ranked_lines, *lines], [*files, *drawn]
    searched: list[str] = []
    if isinstance(plan, SearchPlan):
        from lmlab.sweep.search_report import search_report

        best, searched, drawn = search_report(plan, folder)
        lines, files = [*lines, best], [*files, *drawn]
    answered = answers(results, folder.path, files)
    files += answered.files
    before = [
        *verdict,
        *searched,
        f"The same jobs: `{command(plan)}`",
        "",
        *figures(files, folder.path),
        *ranked,
        *answered.note,
        *said,
    ]
    if not finished:
        before = [f"Go on where it stopped: `{go_on(plan, folder)}`", "", *before]
    note = fitted(before, markdown(linked(rows, results)), [])
    return Report(note, tags, tuple(files), lines, answered.metrics)


def table_rows(results: list[Result]) -> list[dict[str, Any]]:
    """A row a job: its name, state, verdict, final metrics, and the run's folder."""
    logged = {name for result in results for name in result.metrics}
    more = sorted(n for n in logged if n.startswith("val/") and n not in (*SHOWN, *LEFT_OUT))
    metrics = [name for name in (*SHOWN, *more) if name in logged][:MAX_METRICS]
    has_verdict = any("verdict" in result.tags for result in results)
    return [
        {
            "job": result.name,
            "state": result.state,
            **({"verdict": result.tags.get("verdict", "")} if has_verdict else {}),
            **{name: result.metrics.get(name) for name in metrics},
            "run": result.folder.name if result.folder else "",
        }
        for result in results
    ]


def markdown(rows: list[dict[str, Any]]) -> list[str]:
    """The rows as a table."""
    lines = [_line(list(rows[0])), _line(["---"] * len(rows[0]))]
    return lines + [_line([_cell(value) for value in row.values()]) for row in rows]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e10 else f"{value:.4g}"
    return str(value)


def _verdict(
    plan: Plan, jobs: list[Planned], results: list[Result], finished: bool
) -> tuple[list[str], dict[str, str], list[str]]:
    """(lines of the note, tags, lines for the terminal) of an experiment that carries its jobs."""
    asked = plan.experiment
    if asked is None:
        return [], {}, []
    found = children(results, [job.stage for job in jobs])
    blocked_by = asked.get("believed_blocked_by")
    verdict, used, why = judge(asked["expect"], found, finished=finished, blocked_by=blocked_by)
    figures = ", ".join(f"{name} = {value:.4g}" for name, value in used.items())
    said = f"{verdict}: {asked['expect']}" + (f" ({figures})" if figures else "")
    said += f"; {why}" if why else ""
    tags = {"verdict": verdict, "verdict.rests_on": figures, "question": asked["question"]}
    note = [f"**{asked['question']}**", "", f"Expected: `{asked['expect']}`", "",
            f"Verdict: **{verdict}** {f'({figures})' if figures else ''} {why}".rstrip(),
            "", f"Source: {asked['source']}", ""]  # fmt: skip
    return note, tags, [f"question: {asked['question']}", f"verdict: {said}"]


def _figure(plan: Plan, folder: SweepFolder, results: list[Result]) -> tuple[str, list[str]]:
    """The file's name, and what to say where there is none."""
    asked = (plan.experiment or {}).get("figure")
    if not asked:
        return "", []
    from lmlab.sweep.figure import draw

    path = Path(folder.path / "figure.png")
    try:
        draw(asked, results, path)
    except ValueError as error:
        return "", [f"no figure: {error}"]
    return path.name, []


def _ranking(
    plan: Plan, folder: SweepFolder, jobs: list[Planned], results: list[Result]
) -> tuple[list[str], list[str], list[str]]:
    """(lines of the note, lines for the terminal, files) of jobs ranked beside their source."""
    asked = (plan.experiment or {}).get("ranking") or {}
    stages, published = [job.stage for job in jobs], [job.published for job in jobs]
    rows = ranking.rank(asked, results, stages, published) if asked else []
    if len(rows) < 2:
        return [], [], []
    metric, name = asked["metric"], "ranking"
    cells = ranking.table(rows, metric)
    text = {"columns": list(cells[0]), "data": [list(row.values()) for row in cells]}
    (folder.path / f"{name}.json").write_text(json.dumps(text, indent=1))
    ranking.draw(rows, metric, folder.path / f"{name}.png")
    note = ["## Beside the published ranking", "", *markdown(cells), "", *ranking.summary(rows), ""]
    return note, ranking.lines(rows, metric), [f"{name}.json", f"{name}.png"]
