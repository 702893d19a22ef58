"""Names and places of a run's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.track.artifact import keep, place_of


def test_a_name_may_have_folders() -> None:
    assert str(place_of("plots/loss.png")) == "plots/loss.png"


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a/../../b", "", "a\0b"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name for a file"):
        place_of(name)


def test_a_file_of_the_run_stays_and_another_is_copied(tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other.txt"
    run.mkdir()
    (run / "own.txt").write_text("own")
    other.write_text("other")
    assert keep(run / "own.txt", run, run / "track" / "own.txt") == run / "own.txt"
    assert keep(other, run, run / "copy.txt") == run / "copy.txt"
    assert (run / "copy.txt").read_text() == "other"
