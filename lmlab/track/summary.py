"""The Markdown table of a sweep: one line a child, the best first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

COLUMNS = ("val/bits_per_byte", "val/loss_nats", "progress/tokens")
MAX_ROWS = 60


def children(client: MlflowClient, experiment_id: str, parent_id: str) -> list[Run]:
    """The runs under a parent, the lowest bits per byte (else loss) first, unmeasured ones last."""
    rule = f"tags.`mlflow.parentRunId` = '{parent_id}'"
    return sorted(client.search_runs([experiment_id], rule, max_results=1000), key=_rank)


def table(runs: list[Run], intro: str) -> str:
    """Markdown: `intro`, then name, status, verdict and the metrics of each child."""
    verdicts = any("verdict" in run.data.tags for run in runs)
    head = ["run", "status", *(["verdict"] if verdicts else []), *COLUMNS]
    lines = [intro, "", _row(head), _row(["---"] * len(head))]
    for run in runs[:MAX_ROWS]:
        figures = [_figure(run.data.metrics.get(name)) for name in COLUMNS]
        verdict = [run.data.tags.get("verdict", "")] if verdicts else []
        lines.append(_row([run.info.run_name or "", run.info.status.lower(), *verdict, *figures]))
    if len(runs) > MAX_ROWS:
        lines.append(f"\nand {len(runs) - MAX_ROWS} more")
    return "\n".join(lines)


def best(runs: list[Run]) -> dict[str, str]:
    """Tags of a parent: which child came out best, where one was measured."""
    if not runs or _rank(runs[0])[0]:
        return {}
    return {"best": f"{runs[0].info.run_name} ({_figure(_rank(runs[0])[1])})"}


def _rank(run: Run) -> tuple[bool, float]:
    found = [run.data.metrics[name] for name in COLUMNS[:2] if name in run.data.metrics]
    return (not found, found[0] if found else 0.0)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 10_000 else f"{value:.4g}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
