"""A run that is told at once, in a store of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lmlab.track.brief import Brief
from lmlab.track.folder import Folder
from lmlab.track.store import connect, store_uri


def told(run: Path, root: Path) -> Brief:
    run.mkdir(parents=True, exist_ok=True)
    (run / "report.md").write_text("**yes**")
    tracker = Brief(run, root, None, "answers")
    tracker.start("a plan", {"stage": "plan"}, {"seed": "0"}, None)
    tracker.metrics({"plan/days": 3.5})
    tracker.file(run / "report.md", "report.md")
    tracker.table([{"layout": "DDP", "GB": 3.0}], "memory.json")
    tracker.tags({"mlflow.note.content": "**yes** http://me:secret@host/"})
    return tracker


def test_everything_reaches_the_store(tmp_path):
    assert told(tmp_path / "run", tmp_path).end("finished")
    known = Folder(tmp_path / "run").known()
    run = connect(store_uri(None, tmp_path)).get_run(known["mlflow_run_id"])
    assert run.info.status == "FINISHED" and run.info.run_name == "a plan"
    assert run.data.metrics == {"plan/days": 3.5} and run.data.params == {"seed": "0"}
    assert run.data.tags["mlflow.note.content"] == "**yes** http://host/"
    artifacts = sorted(path.name for path in Path(run.info.artifact_uri).rglob("*.*"))
    assert artifacts == ["memory.json", "report.md"] and known["status"] == "finished"


def test_the_same_folder_is_the_same_run(tmp_path):
    told(tmp_path / "run", tmp_path)
    told(tmp_path / "run", tmp_path)
    kinds = [event["type"] for event, _ in Folder(tmp_path / "run").read(0)]
    assert kinds.count("start") == 1 and kinds.count("resume") == 1


def test_it_needs_neither_torch_nor_lightning():
    code = "import lmlab.track.brief, sys; print({'torch', 'lightning'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
