from __future__ import annotations

from lmlab.scaling.answer import Answer


def test_every_answer_has_its_own_tables():
    first, second = Answer("a", {}), Answer("b", {})
    first.tables["x"] = [{"y": 1}]
    assert second.tables == {} and first.figures == {}
