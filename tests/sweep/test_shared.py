"""The first links of a chain, once another sweep has finished them, are not run again."""

from __future__ import annotations

from tests.config.fake import write
from tests.sweep.conftest import chain, sweeps
from tests.sweep.driver import sweep


def run_first(tree, status: str = "finished") -> None:
    """The chain `first`, whose runs a tracker then says to have this status."""
    for name, seed in (("first", "3"), ("other", "4")):
        write(tree / "experiments" / f"{name}.yaml", chain(f"seed={seed}"))
    assert sweep(tree, "experiment=first") == 0
    for folder in tree.glob("runs/*/finished.txt"):
        (folder.parent / "run.json").write_text(f'{{"status": "{status}"}}')


def folders(tree, name: str) -> list[str]:
    (found,) = [s for s in sweeps(tree) if f"experiment={name}" in s["overrides"]]
    return [job["folder"] for job in found["jobs"]]


def test_another_chain_starts_where_the_two_part(tree, capsys):
    run_first(tree)
    assert sweep(tree, "experiment=other") == 0
    assert "going on: 2 finished before" in capsys.readouterr().out
    first, other = folders(tree, "first"), folders(tree, "other")
    assert first[:2] == other[:2] and first[2] != other[2]
    assert len(list(tree.glob("runs/*/finished.txt"))) == 4


def test_what_has_not_finished_is_not_taken(tree):
    run_first(tree, status="failed")
    assert sweep(tree, "experiment=other") == 0
    assert not set(folders(tree, "first")) & set(folders(tree, "other"))


def test_afresh_is_afresh(tree):
    run_first(tree)
    assert sweep(tree, "experiment=other", "sweep.resume=new") == 0
    assert len(list(tree.glob("runs/*/finished.txt"))) == 6
