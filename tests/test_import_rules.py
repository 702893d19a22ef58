"""Who may import whom: the table of docs/architecture.md, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

BATCH = ("lmlab.batch",)
RULES: dict[str, tuple[str, ...]] = {
    "batch": (),
    "optim": ("lmlab.mup",),
    "mup": (),
    "hardware": ("lmlab.hardware", "lmlab.mesh", "lmlab.processes", "lmlab.undrawn"),
    "processes": (),
    "undrawn": (),
    "say": (),
    "durable": (),
    "once": ("lmlab.durable", "lmlab.say"),
    "vocabulary": (*BATCH, "lmlab.config"),
    "verdict": (),
    "product": (),
    "arch": ("lmlab.arch.layer", "lmlab.product"),
    "objective": (*BATCH, "lmlab.objective", "lmlab.product"),
    "data": (*BATCH, "lmlab.data", "lmlab.durable", "lmlab.once", "lmlab.say"),
    "rollout": (*BATCH, "lmlab.rollout", "lmlab.product"),
    "metric": (*BATCH, "lmlab.metric", "lmlab.product"),
    "track": (*BATCH, "lmlab.track"),
    "sweep": (
        *BATCH,
        "lmlab.sweep",
        "lmlab.config",
        "lmlab.check",
        "lmlab.job",
        "lmlab.launch",
        "lmlab.verdict",
        "lmlab.track",
        # Of estimate.py and speed.py, which are a process of their own:
        "lmlab.build",
        "lmlab.hardware",
        "lmlab.layout_of",
        "lmlab.processes",
        "lmlab.shape_of",
        "lmlab.scaling.plan",
        "lmlab.undrawn",
        "lmlab.vocabulary",
        "lmlab.stage.plan",
        "lmlab.metric.throughput",
    ),
    "io": (*BATCH, "lmlab.io", "lmlab.durable", "lmlab.once"),
    "scaling": ("lmlab.scaling",),
    "mesh": ("lmlab.mesh", "lmlab.scaling"),
    "stage": (*BATCH, "lmlab.stage", "lmlab.rollout", "lmlab.metric", "lmlab.optim"),
}
HEAVY = {"torch", "lightning", "mlflow", "torchmetrics", "transformers"}
LIGHT = ("config", "check", "launch", "together", "resume", "worker", "sweep", "__main__")


def files_of(room: str) -> list[Path]:
    folder = ROOT / "lmlab" / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def imports(path: Path, *, top_only: bool) -> list[str]:
    """Absolute names that a file imports; top_only: only those that run when it is imported."""
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree))
    if top_only:
        guarded = {
            id(child)
            for node in nodes
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
            for child in ast.walk(node)
        }
        nodes = [node for node in nodes if id(node) not in guarded]
    found = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append(node.module)
    return found


@pytest.mark.parametrize("room", RULES)
def test_a_room_imports_what_the_table_allows(room):
    for path in files_of(room):
        for name in imports(path, top_only=False):
            if name == "lmlab" or not name.startswith("lmlab."):
                continue
            assert name.startswith(RULES[room]), f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("room", LIGHT)
def test_the_command_line_imports_nothing_heavy(room):
    for path in files_of(room):
        heavy = {name.split(".")[0] for name in imports(path, top_only=True)} & HEAVY
        assert not heavy, f"{path.relative_to(ROOT)} imports {heavy} at its top"
