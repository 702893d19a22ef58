from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lmlab.job import Job, name_of
from lmlab.record import git_tags, note, parameters


def job(*overrides: str, label: str | None = None, name: str | None = None) -> Job:
    config: dict[str, Any] = {"seed": 3, "run": {"name": name, "root": "runs"}, "track": {}}
    record = {"config": config, "overrides": list(overrides), "label": label}
    return Job(Path("x"), config, {}, list(overrides), None, "", name_of(record))


def test_parameters_are_the_seed_and_what_was_typed():
    typed = parameters(job("arch=gpt_1m", "+optim.eps=1e-6"))
    assert typed == {"seed": "3", "arch": "gpt_1m", "optim.eps": "1e-6"}


def test_a_run_is_called_by_its_name_its_swept_values_or_its_overrides():
    assert job("a=1", "b=2").name == "a=1 b=2"
    assert job("a=1", "b=2", label="a=1").name == "a=1"
    assert job("a=1", label="a=1", name="mine").name == "mine"
    assert job().name == "default"


def test_names_and_folders_do_not_change_the_hash():
    assert job(name="one").hash == job(name="two").hash
    other = job()
    other.config["seed"] = 4
    assert other.hash != job().hash


def test_the_note_is_markdown_that_a_sample_cannot_break():
    run: Any = SimpleNamespace(
        stage=SimpleNamespace(samples=[{"prompt": "a", "continuation": "```b"}])
    )
    text = note(run, {"val/loss_nats": 2.5}, {"checkpoint": "runs/x", "compare": "lmlab ui"})
    assert "| val/loss_nats | 2.5 |" in text and "| checkpoint | runs/x |" in text
    assert text.count("```") == 2 and "lmlab ui" not in text


def test_outside_a_repository_there_are_no_git_tags(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert git_tags() == {}
