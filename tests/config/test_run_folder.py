from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from lmlab.config.error import ConfigError
from lmlab.config.place import Places
from lmlab.config.run_folder import create, dump, forget, held, slug
from tests.config.fake import compose

HOSTILE = [
    "..",
    "../..",
    "../../etc/passwd",
    "/etc/passwd",
    "/",
    ".",
    "",
    " ",
    "a\x00b",
    "a\nb",
    "x" * 300,
    "CON",
    "nul.txt",
    "..\\..\\windows",
    "~root",
    "$(touch marker)",
    "`id`",
    "-rf",
    ".hidden",
    "a/../../b",
    "ünïcödé",
    "😀",
    "a\u202eb",
    "name with spaces",
    "%2e%2e%2f",
    "....//....//",
    "a;b|c&d",
    "*?[x]",
    "file:///etc/passwd",
    "\u2025/\u2025",
]
NAMES = [variant for name in HOSTILE for variant in (name, name + "/..", "../" + name, name * 2)]
NAMES += [f"{'../' * depth}escape" for depth in range(1, 41)]
NAMES += [chr(code) + "/../x" for code in range(1, 41)]


def test_config_yaml_says_how_the_run_came_about(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_TOKEN", "canary-token")
    composed = compose(places, "seed=3")
    folder = create(composed.cfg, composed.choices, composed.overrides, parent_run_id="abc")
    assert re.fullmatch(r"\d{8}-\d{6}-seed-3-[0-9a-f]{6}", folder.name)
    assert folder.parent == Path("runs")
    text = (folder / "config.yaml").read_text()
    record = yaml.safe_load(text)
    assert record["config"]["seed"] == 3
    assert record["config"]["batch"]["tokens"] == 512
    assert record["choices"]["arch"] == "gpt_tiny"
    assert record["overrides"] == ["seed=3"]
    assert record["parent_run_id"] == "abc"
    assert "canary" not in text
    assert record["config"]["track"]["token"] == "${oc.env:FAKE_TOKEN,null}"
    assert OmegaConf.create(record["config"]).track.token == "canary-token"


def test_two_runs_at_once_get_two_folders(places: Places) -> None:
    composed = compose(places, "run.name=same")
    assert create(composed.cfg, {}, []) != create(composed.cfg, {}, [])


def test_hostile_names_stay_inside(places: Places) -> None:
    assert len(NAMES) >= 200
    composed = compose(places)
    root = Path("runs").resolve()
    for name in NAMES:
        composed.cfg.run.name = name
        folder = create(composed.cfg, {}, []).resolve()
        assert folder.parent == root
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,100}", folder.name)
    outside = {path.name for path in Path.cwd().iterdir()}
    assert outside == {"conf", "experiments", "fakelab", "runs"}


@pytest.mark.parametrize("name", NAMES)
def test_slugs(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", slug(name))
    assert ".." not in slug(name)


@pytest.mark.parametrize("root", ["a\x00b", "conf/config.yaml", "x" * 300])
def test_a_root_that_cannot_be_is_the_users_error(places: Places, root: str) -> None:
    composed = compose(places)
    composed.cfg.run.root = root
    with pytest.raises(ConfigError, match=r"run\.root"):
        create(composed.cfg, {}, [])


def test_numbers_survive_any_yaml_reader() -> None:
    values = {"rate": 3e-05, "flops": 1e30, "inf": float("inf"), "one": 1.0, "text": "3e-05"}
    assert yaml.safe_load(dump(values)) == values


def test_only_a_run_that_never_began_is_forgotten(tmp_path):
    empty, begun = tmp_path / "empty", tmp_path / "begun"
    for folder in (empty, begun):
        folder.mkdir()
        (folder / "config.yaml").write_text("x: 1\n")
    (begun / "log.txt").write_text("step 1")
    for folder in (empty, begun):
        forget(folder)
    assert not empty.exists() and (begun / "config.yaml").exists()


def test_a_run_has_one_writer(tmp_path: Path) -> None:
    with held(tmp_path):
        with pytest.raises(ValueError, match="another process is at work on this run") as raised:
            with held(tmp_path, wait_seconds=0.0):
                pass
        assert "\n" not in str(raised.value)
    with held(tmp_path, wait_seconds=0.0):
        pass


def test_a_folder_is_not_forgotten_under_its_writer(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("")
    with held(tmp_path / "run"):
        forget(tmp_path / "run")
    assert (tmp_path / "run" / "config.yaml").is_file()
    forget(tmp_path / "run")
    assert not (tmp_path / "run").exists()
