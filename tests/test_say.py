"""What is said off a terminal."""

from __future__ import annotations

from lmlab.say import progress, say


def test_work_ends_with_one_line_of_megabytes_and_speed(capsys):
    with progress("tokenising", 10) as advance:
        advance(2_000_000)
        advance(1_000_000)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("tokenising: 3.0 MB in ") and lines[0].endswith("MB/s")


def test_brackets_in_a_line_are_text(capsys):
    say("a [red]line")
    assert capsys.readouterr().err == "a [red]line\n"
