from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lmlab.config.definition import bases, constant, find_definition
from tests.config.fake import write


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LMLAB_ALLOW", "defpkg")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "defpkg"


def test_class_of_lmlab_is_found_without_import() -> None:
    found = find_definition("lmlab.config.schema.Guard")
    assert found is not None and found.dotted == "lmlab.config.schema.Guard"


@pytest.mark.parametrize(
    "dotted",
    [
        "os.system",
        "lmlab",
        "lmlab.arch.gpt",
        "lmlab.arch.gpt.torch.load",
        "lmlab.arch.gpt.torch",
        "lmlab.arch.gpt.GPT.forward",
        "lmlab.check.Any",
        "lmlab.launch.os.system",
        "lmlab/arch.gpt.GPT",
        "lmlab..arch.GPT",
        "lmlab.arch.gpt.GPT\n",
        "",
    ],
)
def test_nothing_else_is_found(dotted: str) -> None:
    assert find_definition(dotted) is None


def test_reexports_and_relative_imports_are_followed(package: Path) -> None:
    write(package / "__init__.py", "from .inner.deep import Thing as Renamed")
    write(package / "inner" / "__init__.py", "")
    write(package / "inner" / "deep.py", "class Thing: ...")
    found = find_definition("defpkg.Renamed")
    assert found is not None and found.dotted == "defpkg.inner.deep.Thing"
    assert "defpkg" not in sys.modules


def test_a_name_bound_again_is_not_the_class(package: Path) -> None:
    write(package / "__init__.py", "import os\nclass Thing: ...\nThing = os.system")
    assert find_definition("defpkg.Thing") is None


def test_a_reexport_from_elsewhere_is_refused(package: Path) -> None:
    write(package / "__init__.py", "from subprocess import Popen\nfrom os import system as Thing")
    assert find_definition("defpkg.Popen") is None and find_definition("defpkg.Thing") is None


def test_constants_are_inherited(package: Path) -> None:
    write(package / "__init__.py", "class A:\n    kind: str = 'decoder'\nclass B(A): ...")
    found = find_definition("defpkg.B")
    assert found is not None and constant(found, "kind") == "decoder"
    assert [base.node.name for base in bases(found)] == ["A"]


def test_only_allowed_packages_of_the_user(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(package / "__init__.py", "class A: ...")
    assert find_definition("defpkg.A") is not None
    monkeypatch.setenv("LMLAB_ALLOW", "")
    assert find_definition("defpkg.A") is None
