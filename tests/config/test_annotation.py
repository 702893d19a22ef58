from __future__ import annotations

import ast
from typing import Any

import pytest

from lmlab.config.annotation import choices, describe, fits
from lmlab.config.definition import Module, load_module

MODULE = load_module("lmlab.config.schema")
assert isinstance(MODULE, Module)


def parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("value", "text", "right"),
    [
        (3, "int", True),
        (True, "int", False),
        (3.0, "int", False),
        (3, "float", True),
        (True, "float", False),
        ("3", "float", False),
        (True, "bool", True),
        (1, "bool", False),
        (None, "int | None", True),
        ("a", "Optional[int]", False),
        ("a", "Union[int, str]", True),
        ("skip", "Literal['skip', 'none']", True),
        ("skp", "Literal['skip', 'none']", False),
        (True, "Literal[1]", False),
        ([1, 2], "list[int]", True),
        ([1, "x"], "list[int]", False),
        ({"a": 1}, "dict[str, int]", True),
        ({"a": "b"}, "dict[str, int]", False),
        ([0.9, 0.95], "tuple[float, float]", True),
        ([0.9], "tuple[float, float]", False),
        ([1, 2, 3], "tuple[int, ...]", True),
        ("x", "'int | None'", False),
        ({"_target_": "a.b"}, "Source", True),
        ("text", "Source", False),
        ("text", "Any", True),
        ("text", "Path", True),
    ],
)
def test_fits(value: Any, text: str, right: bool) -> None:
    assert fits(value, parsed(text), MODULE) is right  # type: ignore[arg-type]


def test_words_of_a_config_file() -> None:
    text = parsed("Literal['layer', 'rms'] | None")
    assert describe(text, MODULE) == "one of layer, rms or null"  # type: ignore[arg-type]
    assert choices(text, MODULE) == ["layer", "rms"]  # type: ignore[arg-type]
