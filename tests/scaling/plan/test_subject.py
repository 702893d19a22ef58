from __future__ import annotations

from dataclasses import fields

from lmlab.scaling.plan.subject import Subject


def test_its_fields_are_told_in_its_docstring_or_by_their_names():
    names = [field.name for field in fields(Subject)]
    assert names[:3] == ["name", "shape", "params"] and "lengths" in str(Subject.__doc__)
