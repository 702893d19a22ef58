"""Every `lmlab/x/y.py` has `tests/x/test_y.py`; the exceptions are named here with their reason."""

from __future__ import annotations

from tests.conftest import ROOT

ELSEWHERE = {
    "worker.py": "tests/test_train.py starts it",
    "job.py": "tests/test_train.py reads every job through it",
    "build.py": "tests/test_train.py builds with it",
}


def test_every_module_has_its_test():
    missing = []
    for path in sorted((ROOT / "lmlab").rglob("*.py")):
        inside = path.relative_to(ROOT / "lmlab")
        name = inside.with_name("test_" + inside.stem.strip("_") + ".py")
        if inside.name == "__init__.py" or str(inside) in ELSEWHERE:
            continue
        if not (ROOT / "tests" / name).is_file():
            missing.append(str(inside))
    assert not missing


def test_every_exception_is_still_a_module():
    assert all((ROOT / "lmlab" / name).is_file() for name in ELSEWHERE)
