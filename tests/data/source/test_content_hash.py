"""Hashes of what files contain."""

from __future__ import annotations

import hashlib
import os

from lmlab.data.source import content_hash
from lmlab.data.source.content_hash import hash_of_file, hash_of_files, hash_of_text


def test_it_is_the_sha256_of_the_bytes(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"abc")
    assert hash_of_file(tmp_path / "a.txt", tmp_path) == hashlib.sha256(b"abc").hexdigest()


def test_a_large_file_is_read_again_only_after_it_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(content_hash, "KEPT_FROM_BYTES", 1)
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    first = hash_of_file(path, tmp_path)
    (kept,) = (tmp_path / "hashes").iterdir()
    kept.write_text("0" * 64)
    assert hash_of_file(path, tmp_path) == "0" * 64
    path.write_bytes(b"abd")
    os.utime(path, ns=(1, 1))
    assert hash_of_file(path, tmp_path) not in (first, "0" * 64)
    kept.write_text("cut off")


def test_order_and_kind_count_and_folders_do_not(tmp_path):
    for name, text in (("a.txt", "1"), ("b.txt", "2"), ("c.md", "1"), ("sub/d.txt", "1")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    one, two, three, four = (tmp_path / name for name in ("a.txt", "b.txt", "c.md", "sub/d.txt"))
    assert hash_of_files([one, two], tmp_path) != hash_of_files([two, one], tmp_path)
    assert hash_of_files([one], tmp_path) != hash_of_files([three], tmp_path)
    assert hash_of_files([one], tmp_path) == hash_of_files([four], tmp_path)
    assert hash_of_text("a", "b") != hash_of_text("ab")
