from __future__ import annotations

from pathlib import Path

from lmlab.config.origin import overlaps, readable
from lmlab.config.place import Places
from tests.config.fake import compose, write


def test_the_override_as_typed_and_the_last_file(places: Places) -> None:
    write(places.conf[0] / "arch" / "mine.yaml", "defaults: [gpt_tiny, _self_]\nwidth: 8")
    write(places.experiments[0] / "one.yaml", "optim: {clip_norm: 1.0}")
    origins = compose(places, "arch=mine", "experiment=one", "+seed2=3", "seed=4").origins
    assert origins.override("seed") == "seed=4"
    assert origins.override("seed2") == "+seed2=3"
    assert origins.override("optim.clip_norm") is None
    assert origins.file("arch.width") == "conf/arch/mine.yaml"
    assert origins.file("arch.dropout") == "conf/arch/gpt_tiny.yaml"
    assert origins.file("optim.clip_norm") == "experiments/one.yaml"
    assert origins.file("stage.prompts[0]") == "conf/stage/pretrain.yaml"
    assert origins.file("guard.spike") == "conf/config.yaml"
    assert origins.file("no.such.key") is None


def test_paths_overlap() -> None:
    assert overlaps("a.b", "a") and overlaps("a", "a.b") and overlaps("a[0].b", "a")
    assert not overlaps("ab", "a")


def test_readable_is_relative_only_inside(places: Places) -> None:
    assert readable(Path.cwd() / "x") == "x"
    assert readable(Path("/elsewhere/x")) == "/elsewhere/x"
