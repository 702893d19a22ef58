from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.config.definition import find_definition
from lmlab.config.signature import read_signature
from tests.config.fake import write

TEXT = """
from dataclasses import dataclass, field
from typing import ClassVar
import torch

class Own(torch.nn.Module):
    def __init__(self, a: int, *, b: float, c: str = "x") -> None: ...

class Inherits(Own): ...

class Passes(Own):
    def __init__(self, *, d: int, **others) -> None: ...

@dataclass(frozen=True)
class Fields:
    x: int
    y: float = 1.0
    kind: ClassVar[str] = "a"
    hidden: list = field(init=False)

@dataclass
class More(Fields):
    z: str = ""

def function(a, b=2): ...
"""


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("Own", {"a": True, "b": True, "c": False}),
        ("Inherits", {"a": True, "b": True, "c": False}),
        ("Passes", {"a": True, "b": True, "c": False, "d": True}),
        ("Fields", {"x": True, "y": False}),
        ("More", {"x": True, "y": False, "z": False}),
        ("function", {"a": True, "b": False}),
    ],
)
def test_keywords(
    name: str, keywords: dict[str, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMLAB_ALLOW", "sigpkg")
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path / "sigpkg.py", TEXT)
    definition = find_definition(f"sigpkg.{name}")
    assert definition is not None
    found = read_signature(definition).keywords
    assert {key: keyword.required for key, keyword in found.items()} == keywords
