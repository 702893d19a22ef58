"""The wheel carries the options and experiments; the locks carry a hash for every package."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile

import pytest

from tests.conftest import ROOT

BAD = {("lightning", "2.6.2"), ("lightning", "2.6.3")}


@pytest.mark.slow
def test_the_wheel_holds_every_option_and_experiment(tmp_path):
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
    ]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "experiments"):
        for path in (ROOT / folder).rglob("*.yaml"):
            assert f"lmlab/{path.relative_to(ROOT)}" in inside
    assert "lmlab/__main__.py" in inside and not any(name.startswith("tests/") for name in inside)


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_every_locked_package_has_a_hash_and_none_is_known_to_be_bad(name):
    lock = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert len(entries) > 50
    for entry in entries:
        package, version = re.match(r"([\w.-]+)==([^\s;\\]+)", entry).groups()
        assert "--hash=sha256:" in entry, package
        assert (package, version) not in BAD and not package.startswith(("nvidia-", "torch=="))


def test_both_locks_agree():
    locks = [
        dict(
            re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / "requirements" / name).read_text(), re.M)
        )
        for name in ("run.txt", "dev.txt")
    ]
    assert locks[0].items() <= locks[1].items()


def test_every_dependency_has_a_lower_bound():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [item for group in project["optional-dependencies"].values() for item in group]
    assert all(">=" in item for item in [*project["dependencies"], *extras])
