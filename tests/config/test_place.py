from __future__ import annotations

from pathlib import Path

from lmlab.config.place import GROUPS, find_places, groups, options, shipped


def test_shipped_folders_are_absolute() -> None:
    assert shipped("conf").is_absolute()
    assert (shipped("conf") / "config.yaml").is_file()


def test_own_conf_counts_only_with_group_folders(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    assert find_places(working_dir=tmp_path).conf == (shipped("conf"),)
    (tmp_path / "conf" / "arch").mkdir()
    (tmp_path / "conf" / "arch" / "mine.yaml").write_text("a: 1")
    places = find_places(working_dir=tmp_path)
    assert places.conf == (shipped("conf"), tmp_path / "conf")
    assert "mine" in options(places, "arch")


def test_config_dir_and_own_experiments_are_added(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text("seed: 1")
    (tmp_path / "more" / "newgroup").mkdir(parents=True)
    (tmp_path / "more" / "newgroup" / "a.yaml").write_text("a: 1")
    places = find_places(str(tmp_path / "more"), working_dir=tmp_path)
    assert "mine" in options(places, "experiment")
    assert groups(places)[-1] == "newgroup"


def test_checkout_as_working_directory_is_not_counted_twice() -> None:
    places = find_places(working_dir=shipped("conf").parent)
    assert len(places.conf) == 1
    assert set(groups(places)) <= set(GROUPS)
