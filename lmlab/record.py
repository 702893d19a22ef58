"""What a run tells the tracker about itself: tags, parameters, the summary on its page."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import lmlab

if TYPE_CHECKING:
    from lmlab.build import Run
    from lmlab.job import Job


def tags(job: Job, run: Run) -> dict[str, str]:
    """The choices of the groups, sizes, lineage and versions."""
    arch = run.stage.arch
    total = sum(p.numel() for p in arch.parameters())
    return {
        **{
            group: str(option)
            for group, option in job.choices.items()
            if not set("/@") & set(group)
        },
        "lmlab.version": lmlab.__version__,
        "config_hash": job.hash,
        "dataset.fingerprint": run.data.fingerprint,
        "params.total": str(total),
        "params.non_embedding": str(total - arch.num_embedding_params()),
        "init_from": run.lineage or "random weights",
        **git_tags(),
    }


def sizes(run: Run) -> dict[str, float]:
    """Parameters in all and outside the embeddings, as metrics are named."""
    arch = run.stage.arch
    total = sum(p.numel() for p in arch.parameters())
    inside = total - arch.num_embedding_params()
    return {"params/total": float(total), "params/non_embedding": float(inside)}


def parameters(job: Job) -> dict[str, str]:
    """What MLflow shows as parameters: the seed, and what was set on the command line."""
    found = {"seed": str(job.config["seed"])}
    for override in job.overrides:
        key, _, value = override.lstrip("+~").partition("=")
        found[key] = value
    return found


def note(run: Run, metrics: dict[str, float], rows: dict[str, str]) -> str:
    """The Markdown summary on the run's page."""
    lines = ["| | |", "|---|---|"]
    lines += [f"| {name} | {value:.5g} |" for name, value in sorted(metrics.items())]
    lines += [f"| {name} | {value} |" for name, value in rows.items() if name != "compare"]
    for sample in run.stage.samples:
        text = sample["prompt"] + sample["continuation"]
        lines += ["", "```", text.replace("```", "'''"), "```"]
    return "\n".join(lines)


def git_tags() -> dict[str, str]:
    """The commit of the working directory, where it is one."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=5)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "HEAD")
        return (
            {"git.commit": commit, "git.dirty": str(bool(git("status", "--porcelain")))}
            if commit
            else {}
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
