"""Chains: order, references, what is left out, going on. (Plain grids: test_run.py.)"""

from __future__ import annotations

import yaml

from tests.config.fake import write
from tests.sweep.conftest import chain, states, sweeps
from tests.sweep.driver import sweep

CHAIN = chain("seed=3", "stage.prompts=[@one]")


def config(tree, name):
    (made,) = sweeps(tree)
    (folder,) = [job["folder"] for job in made["jobs"] if job["name"] == name]
    return yaml.safe_load((tree / "runs" / folder / "config.yaml").read_text())


def test_a_chain_runs_in_order_and_each_is_given_the_folders_it_names(tree):
    write(tree / "experiments" / "chain.yaml", CHAIN)
    assert sweep(tree, "experiment=chain", "launcher.jobs=3") == 0
    folders = {job["name"]: "runs/" + job["folder"] for job in sweeps(tree)[0]["jobs"]}
    three = config(tree, "three")
    assert three["config"]["init_from"] == folders["two"]
    assert three["config"]["stage"]["prompts"] == [folders["one"]]
    assert f"init_from={folders['two']}" in three["overrides"]
    assert three["label"] == "three" and "experiment" not in three["config"]


def test_a_failed_job_ends_its_chain_and_the_same_command_goes_on_there(tree, monkeypatch, capsys):
    write(tree / "experiments" / "chain.yaml", CHAIN)
    monkeypatch.setenv("FAKE_FAIL", "2")
    assert sweep(tree, "experiment=chain") == 1
    assert states(tree) == ["finished", "failed", "left out"]
    assert "left out" in capsys.readouterr().out
    monkeypatch.delenv("FAKE_FAIL")
    assert sweep(tree, "experiment=chain") == 0
    assert states(tree) == ["finished"] * 3
    assert len(list(tree.glob("runs/*/finished.txt"))) == 3


def test_the_other_chains_go_on(tree, monkeypatch):
    text = CHAIN.replace("three\").val", "three arch.width=8\").val").replace("cost: c", "cost: c\n  sweep: {arch.width: [8, 16]}")  # fmt: skip
    write(tree / "experiments" / "chain.yaml", text.replace("[seed=2,", "['seed=${arch.width}',"))
    monkeypatch.setenv("FAKE_FAIL", "16")
    assert sweep(tree, "experiment=chain") == 1
    assert states(tree) == ["finished"] * 4 + ["failed", "left out"]
