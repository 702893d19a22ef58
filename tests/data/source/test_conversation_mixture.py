"""Mixtures of conversations: rates, names, finite and endless sources together."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from lmlab.data.source.conversation_mixture import ConversationMixture
from tests.data.material import make_files, make_tasks


def mixture(tmp_path, **changes) -> ConversationMixture:
    rows = [{"prompt": str(n), "completion": "x"} for n in range(50)]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    sources = {
        "files": {"source": make_files(path, validation_fraction=0.2), "size": None},
        "sums": {
            "source": make_tasks(categories=["arithmetic"], held_out_categories=[]),
            "size": 120,
        },
    }
    return ConversationMixture(**({"sources": sources, "cap": None, "temperature": 1.0} | changes))


def test_rates_by_size(tmp_path):
    source = mixture(tmp_path)
    files = source.sources["files"].num_train
    assert source.shares["files"] == pytest.approx(files / (files + 120))
    counts = Counter(source.train(n).category.split("/")[0] for n in range(4000))
    assert counts["files"] / 4000 == pytest.approx(source.shares["files"], abs=0.03)
    assert source.num_train is None and "rates: files 0." in source.notes()[0]


def test_a_cap_makes_them_alike(tmp_path):
    assert mixture(tmp_path, cap=30).shares == {"files": 0.5, "sums": 0.5}


def test_validation_is_everyones_with_its_name(tmp_path):
    found = Counter(each.category for each in mixture(tmp_path).validation())
    assert found["sums/arithmetic"] == 80 and found["files"] > 0
    assert mixture(tmp_path).held_out_tasks() == set()


def test_the_same_every_time(tmp_path):
    one, same = mixture(tmp_path), mixture(tmp_path)
    assert [one.train(n) for n in range(50)] == [same.train(n) for n in range(50)]
    assert one.fingerprint(tmp_path) == same.fingerprint(tmp_path)
    assert mixture(tmp_path, cap=30).fingerprint(tmp_path) != one.fingerprint(tmp_path)


def test_refused(tmp_path):
    endless = {"a": {"source": make_tasks(), "size": None}}
    with pytest.raises(ValueError, match="sources.a.size=null: this source has no end"):
        _ = mixture(tmp_path, sources=endless).shares
    with pytest.raises(ValueError, match="sources.a needs the keys source and size, has"):
        mixture(tmp_path, sources={"a": {"source": make_tasks()}})
