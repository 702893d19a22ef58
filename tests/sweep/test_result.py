from __future__ import annotations

import json
from pathlib import Path

from lmlab.sweep.result import progress, read_result

EVENTS = [
    {"type": "start", "tags": {"params.total": "12", "arch": "a"}},
    {"type": "metrics", "step": 1, "values": {"val/x": 3.0}},
    {"type": "metrics", "step": 2, "values": {"val/x": 2.0, "train/y": 1.0}},
    {"type": "tags", "tags": {"verdict": "holds"}},
]


def test_a_run_is_read_from_its_files(tmp_path: Path):
    (tmp_path / "config.yaml").write_text("config: {seed: 3}\nchoices: {arch: a}")
    (tmp_path / "track").mkdir()
    (tmp_path / "track" / "events.jsonl").write_text("\n".join(map(json.dumps, EVENTS)) + "\n")
    found = read_result("a", "finished", tmp_path)
    assert found.metrics == {"params/total": 12.0, "val/x": 2.0, "train/y": 1.0}
    assert found.tags["verdict"] == "holds" and found.config == {"seed": 3}


def test_what_never_began_is_empty(tmp_path: Path):
    assert read_result("a", "waiting", None).metrics == {}
    assert read_result("a", "waiting", tmp_path / "gone").config == {}
    assert progress(None) == progress(tmp_path) == {}
