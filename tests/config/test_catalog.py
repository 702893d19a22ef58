from __future__ import annotations

from lmlab.config.catalog import options_where, read_yaml, target_of, targets
from lmlab.config.place import Places
from tests.config.fake import write


def test_targets_follow_bases_and_global_packages(places: Places) -> None:
    write(places.conf[0] / "arch" / "small.yaml", "defaults: [gpt_tiny, _self_]\nwidth: 8")
    assert target_of(places, "arch", "small") == "fakelab.Gpt"
    assert target_of(places, "stage", "pretrain") == "fakelab.Pretrain"
    assert targets(places, "objective") == {"clm": "fakelab.Clm", "mlm": "fakelab.Mlm"}


def test_bases_in_a_folder_of_the_group_are_followed(places: Places) -> None:
    write(places.conf[0] / "arch" / "base" / "deep.yaml", "_target_: fakelab.Bert")
    write(places.conf[0] / "arch" / "one.yaml", "defaults: [base/deep, _self_]")
    write(places.conf[0] / "arch" / "two.yaml", "defaults: [{base@_here_: deep}, _self_]")
    assert target_of(places, "arch", "one") == target_of(places, "arch", "two") == "fakelab.Bert"


def test_options_by_what_their_class_says(places: Places) -> None:
    assert options_where(places, "arch", "kind", ("encoder",)) == ["bert"]
    assert options_where(places, "objective", "fits", ("decoder",)) == ["clm"]


def test_unreadable_files_are_empty(places: Places) -> None:
    assert read_yaml(write(places.conf[0] / "arch" / "broken.yaml", "a: [")) == {}
    assert read_yaml(places.conf[0] / "none.yaml") == {}
