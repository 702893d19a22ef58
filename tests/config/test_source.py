from __future__ import annotations

from pathlib import Path

from lmlab.config.place import Places
from lmlab.config.source import ExperimentSource, make_loader
from tests.config.fake import compose, write


def test_experiment_is_an_overlay_of_the_whole_configuration(places: Places) -> None:
    write(
        places.experiments[0] / "grok.yaml",
        """
        defaults:
          - override /arch: bert
          - override /objective: mlm
        experiment: {question: "Does it?", source: here, expect: "x > 1", cost: none}
        seed: 7
        arch: {width: 64}
        """,
    )
    composed = compose(places, "experiment=grok", "seed=8")
    assert composed.choices["arch"] == "bert"
    assert composed.choices["experiment"] == "grok"
    assert (composed.cfg.seed, composed.cfg.arch.width) == (8, 64)
    assert composed.cfg.experiment.question == "Does it?"
    assert composed.cfg.objective.mask_fraction == 0.15


def test_without_an_experiment_there_is_no_record(places: Places) -> None:
    composed = compose(places)
    assert composed.cfg.get("experiment") is None


def test_source_lists_only_yaml_files(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "seed: 1")
    write(tmp_path / "README.md", "text")
    source = ExperimentSource(provider="test", path=f"experiments://{tmp_path}")
    assert source.list("experiment", None) == ["a"]
    assert source.list("", None) == ["experiment"]
    assert source.is_config("experiment/a")
    assert not source.is_config("a") and not source.is_config("experiment/../a")


def test_loader_creates_nothing(places: Places) -> None:
    before = sorted(places.conf[0].parent.rglob("*"))
    make_loader(places)
    compose(places)
    assert sorted(places.conf[0].parent.rglob("*")) == before
