"""The Python standard library as text."""

from __future__ import annotations

import pytest

from lmlab.data.source.stdlib import Stdlib


def test_the_whole_library_is_real_text_without_tests():
    source = Stdlib(max_mb=None)
    names = {path.name for path in source.files}
    assert {"argparse.py", "dataclasses.py", "typing.py"} <= names
    assert not any(
        {"site-packages", "test", "tests"} & set(path.parts[-4:]) for path in source.files
    )
    assert 6e6 < source.size_bytes() < 40e6


def test_max_mb_is_a_limit_and_takes_the_first_files_of_the_whole():
    whole, part = Stdlib(max_mb=None).files, Stdlib(max_mb=0.5)
    assert part.size_bytes() <= 5e5
    assert part.files == whole[: len(part.files)]
    assert len({path.name[0] for path in part.files}) > 5
    assert sum(piece.opens for piece in part.pieces()) == len(part.files)


def test_the_fingerprint_depends_on_the_part(tmp_path):
    assert Stdlib(max_mb=0.2).fingerprint(tmp_path) == Stdlib(max_mb=0.2).fingerprint(tmp_path)
    assert Stdlib(max_mb=0.2).fingerprint(tmp_path) != Stdlib(max_mb=1).fingerprint(tmp_path)


def test_no_room_is_refused():
    with pytest.raises(ValueError, match=r"data.source.max_mb=0"):
        Stdlib(max_mb=0)
