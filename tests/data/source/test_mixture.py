"""Several sources by weight."""

from __future__ import annotations

import pytest

from lmlab.data.source.mixture import Mixture
from lmlab.data.source.text import Text
from tests.data.conftest import Documents


def mix(weights, exhausted="stop", **sources):
    parts = {name: {"source": source, "weight": weights[name]} for name, source in sources.items()}
    return Mixture(sources=parts, exhausted=exhausted)


def read(mixture):
    return "".join(piece.text for piece in mixture.pieces())


def test_the_source_furthest_behind_its_share_is_next():
    mixture = mix({"a": 2, "b": 1}, a=Documents(*"aaaaaa"), b=Documents(*"bbbbbb"))
    assert read(mixture) == "abaabaaba"
    assert "a: 1.00 epochs" in mixture.notes()[0] and "exhausted" in mixture.notes()[0]
    assert "b: less than 1 epoch" in mixture.notes()[1]


def test_repeat_goes_on_until_every_source_was_read_once():
    mixture = mix({"a": 1, "b": 1}, "repeat", a=Documents("a"), b=Documents("1", "2", "3"))
    text = read(mixture)
    assert text.replace("a", "") == "123" and text.count("a") == 4
    assert "a: 4.00 epochs" in mixture.notes()[0] and "b: 1.00 epochs" in mixture.notes()[1]


@pytest.mark.parametrize("weight", [0.05, 0.3, 0.8])
def test_shares_of_the_text_are_as_the_weights(weight):
    long = Documents(*("x" * (20 + index % 30) for index in range(2000)))
    short = Documents(*("y" * 3 for index in range(20_000)))
    text = read(mix({"long": weight, "short": 1 - weight}, long=long, short=short))
    assert text.count("x") / len(text) == pytest.approx(weight, abs=0.01)


def test_documents_of_several_pieces_stay_together():
    long = "word " * 60_000
    text = read(mix({"a": 1, "b": 1}, a=Documents(long), b=Documents("b", long.upper())))
    assert long in text


def test_the_order_is_the_same_every_time_and_the_fingerprint_knows_it(tmp_path):
    a, b = Documents(*"aaaa"), Documents(*"bbbb")
    mixture = mix({"a": 2, "b": 1}, a=a, b=b)
    assert read(mixture) == read(mixture)
    prints = {
        mix({"a": 2, "b": 1}, a=a, b=b).fingerprint(tmp_path),
        mix({"a": 4, "b": 2}, a=a, b=b).fingerprint(tmp_path),
        mix({"a": 1, "b": 1}, a=a, b=b).fingerprint(tmp_path),
        mix({"a": 2, "b": 1}, "repeat", a=a, b=b).fingerprint(tmp_path),
        mix({"a": 2, "b": 1}, a=a, b=Documents("c")).fingerprint(tmp_path),
    }
    assert len(prints) == 4


def test_an_error_of_a_source_names_its_place(tmp_path):
    mixture = mix({"a": 1, "b": 1}, a=Documents("a"), b=Text(paths="nowhere", field=None))
    for call in (lambda: read(mixture), lambda: mixture.fingerprint(tmp_path)):
        with pytest.raises(ValueError, match=r"data.source.sources.b.source.paths=nowhere"):
            call()
    with pytest.raises(ValueError, match=r"data.source.sources.b gives no text"):
        read(mix({"a": 1, "b": 1}, a=Documents("a"), b=Documents()))


def test_what_cannot_be_is_refused():
    source = Documents("a")
    with pytest.raises(ValueError, match="needs two or more"):
        mix({"a": 1}, a=source)
    with pytest.raises(ValueError, match=r"data.source.sources.b.weight=0"):
        mix({"a": 1, "b": 0}, a=source, b=source)
    with pytest.raises(ValueError, match="needs the keys source and weight"):
        Mixture(sources={"a": {"source": source}, "b": {}}, exhausted="stop")
