from __future__ import annotations

from lmlab.sweep.answers import answers
from lmlab.sweep.result import Result


def test_reports_of_finished_jobs_come_with_their_figures(tmp_path):
    folders = {name: tmp_path / name for name in ("law", "failed", "run", "sweep")}
    for folder in folders.values():
        folder.mkdir()
    for name in ("law", "failed"):
        (folders[name] / "report.md").write_text("**Chinchilla.**")
        (folders[name] / "isoflop.png").write_bytes(b"png")
    results = [
        Result("stage=scaling_law", "finished", folders["law"]),
        Result("stage=plan", "failed", folders["failed"]),
        Result("arch=gpt_1m", "finished", folders["run"]),
        Result("arch=gpt_3m", "waiting", None),
    ]
    note, files = answers(results, folders["sweep"])
    assert note[0] == "## stage=scaling_law" and "**Chinchilla.**" in note and len(note) == 4
    assert files == ["isoflop.png"] and (folders["sweep"] / "isoflop.png").read_bytes() == b"png"
