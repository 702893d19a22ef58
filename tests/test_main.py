"""The command line, from the words typed to the exit code."""

# ruff: noqa: F401, F811  (a fixture is imported by name)
from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

import lmlab.__main__ as command
from lmlab import __version__, launch
from lmlab.config.place import GROUPS, Places, find_places, options
from tests.config.conftest import places
from tests.config.fake import write

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """In place of lmlab.worker: remembers what it was called with; `worker.error` is raised."""
    module: Any = types.ModuleType("lmlab.worker")
    module.calls, module.error = [], None

    def run(config_path: str) -> int:
        module.calls.append(config_path)
        if module.error is not None:
            raise module.error
        return 0

    module.run = run
    monkeypatch.setitem(sys.modules, "lmlab.worker", module)
    monkeypatch.setattr("lmlab.worker", module, raising=False)
    return module


@pytest.fixture
def small(places: Places, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The command line over a small tree of options."""
    for name in ("RANK", "WORLD_SIZE", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(command, "find_places", lambda config_dir=None: places)
    return places


def test_one_process_runs_in_place(small: Places, worker: Any) -> None:
    assert command.main(["seed=3", "run.name=mine"]) == 0
    (path,) = worker.calls
    record = yaml.safe_load(Path(path).read_text())
    assert record["config"]["seed"] == 3 and record["overrides"] == ["seed=3", "run.name=mine"]
    assert "-mine-" in Path(path).parent.name
    assert not list(Path.cwd().rglob(".hydra"))


def test_more_processes_are_launched(
    small: Places, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, int] = {}
    monkeypatch.setattr(launch, "launch", lambda path, number: asked.setdefault("n", number + 140))
    assert command.main(["hardware.devices=3", "hardware.strategy=ddp"]) == 143
    assert asked == {"n": 143} and worker.calls == []


def test_a_rank_runs_in_place(small: Places, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert command.main(["hardware.devices=2"]) == 0
    assert len(worker.calls) == 1


@pytest.mark.parametrize(
    "arguments", [["arch.widht=3"], ["-m", "arch.widht=3,4"], ["--cfg", "job", "arch.widht=3"]]
)
def test_a_wrong_setting_leaves_nothing_behind(
    small: Places, worker: Any, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    before = sorted(Path.cwd().rglob("*"))
    assert command.main(arguments) == 2
    err = capsys.readouterr().err
    assert "did you mean arch.width?" in err
    assert "Traceback" not in err and len(err.splitlines()) <= 8
    assert sorted(Path.cwd().rglob("*")) == before and worker.calls == []


def test_debug_shows_the_traceback(small: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["arch.widht=3", "debug=true"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_error_is_short_and_logged(
    small: Places, worker: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.error = RuntimeError("out of luck")
    assert command.main([]) == 1
    err = capsys.readouterr().err
    assert "RuntimeError: out of luck" in err and "log.txt" in err and "Traceback" not in err
    (log,) = Path("runs").glob("*/log.txt")
    assert "out of luck" in log.read_text()


def test_resume_hands_on_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[str, list[str]]] = []

    def resume(run: str, overrides: list[str]) -> int:
        calls.append((run, overrides))
        return 0

    module: Any = types.ModuleType("lmlab.resume")
    module.resume = resume
    monkeypatch.setitem(sys.modules, "lmlab.resume", module)
    assert command.main(["resume", "runs/x", "budget.steps=9"]) == 0
    assert calls == [("runs/x", ["budget.steps=9"])]
    assert command.main(["resume"]) == 2
    assert "name a run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        (["ui", "--port", "5001", "--root", "r"], "ui", {"root": Path("r"), "port": 5001}),
        (["sync"], "sync", {"place": Path("runs")}),
    ],
)
def test_words_of_the_tracker(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], name: str, expected: dict[str, Any]
) -> None:
    calls: list[dict[str, Any]] = []

    def serve(root: Path, port: int) -> int:
        calls.append({"root": root, "port": port})
        return 0

    def sync_all(place: Path) -> int:
        calls.append({"place": place})
        return 0

    module: Any = types.ModuleType(f"lmlab.track.{name}")
    module.serve, module.sync_all = serve, sync_all
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("lmlab.track." + name, module, raising=False)
    assert command.main(arguments) == 0
    assert calls == [expected]
    assert command.main([name, "--nonsense"]) == 2


def test_cfg_shows_values_without_secrets(
    small: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_TOKEN", "canary-777")
    assert command.main(["--cfg", "job", "--resolve", "seed=5"]) == 0
    out = capsys.readouterr().out
    shown = yaml.safe_load(out)
    assert shown["seed"] == 5 and shown["batch"]["tokens"] == 512
    assert shown["track"]["token"] == "${oc.env:FAKE_TOKEN,null}" and "canary" not in out
    assert command.main(["--cfg", "job", "--package", "arch"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["_target_"] == "fakelab.Gpt"
    assert command.main(["--cfg", "all"]) == 0
    assert "sweeper" in yaml.safe_load(capsys.readouterr().out)["hydra"]


@pytest.mark.parametrize(
    "override", ["track.token=canary-9", "+track.password=canary-9", "+api_key=canary-9"]
)
@pytest.mark.parametrize("mode", [[], ["-m"], ["--cfg", "job"], ["--cfg", "job", "--resolve"]])
def test_a_secret_on_the_command_line_is_refused_and_not_shown(
    small: Places, worker: Any, capfd: pytest.CaptureFixture[str], override: str, mode: list[str]
) -> None:
    assert command.main([*mode, override]) == 2
    shown = capfd.readouterr()
    assert "canary" not in shown.out + shown.err
    assert "environment" in shown.err
    assert not Path("runs").exists()


def test_the_canary_is_in_no_file(
    small: Places, worker: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_TOKEN", "canary-31415")
    worker.error = RuntimeError("the server refused canary-31415")
    assert command.main(["run.name=${oc.env:FAKE_TOKEN}"]) == 1
    assert command.main(["run.name=a", "data.source.path=x/${oc.env:FAKE_TOKEN}"]) == 1
    shown = capsys.readouterr()
    assert "canary" not in shown.out + shown.err
    for file in Path("runs").rglob("*"):
        assert "canary" not in file.name
        assert not file.is_file() or "canary" not in file.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config-name", "x"], "--config-dir"),
        (["--experimental-rerun", "x.pickle"], "not for lmlab"),
        (["--config-dir", "nowhere"], "no such folder"),
        (["--cfg", "everything"], "invalid choice"),
        (["--nonsense"], "--nonsense"),
        (["hardware.devices=2", "+hardware.nodes=2"], "nodes"),
    ],
)
def test_wrong_words(
    small: Places, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert command.main(arguments) == 2
    err = capsys.readouterr().err
    assert words in err and "Traceback" not in err and len(err.splitlines()) <= 8


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out == f"lmlab {__version__}\n"


# ---- as separate processes, from another folder

ASK = """
import sys
sys.argv = ["lmlab"] + {arguments!r}
from lmlab.__main__ import main
code = main()
heavy = {{"torch", "lightning", "mlflow", "numpy", "transformers"}} & set(sys.modules)
sys.stderr.write(f"code={{code}} heavy={{sorted(heavy)}}")
"""
QUICK = [["--help"], ["help"], ["completion"], ["-sc", "query=bash"]]
NEEDS_ALL = [["--info", "searchpath"], ["--cfg", "job"], ["--cfg", "job", "--resolve"]]


@pytest.mark.parametrize("arguments", QUICK + NEEDS_ALL)
def test_quick_commands_take_a_second_and_import_nothing_heavy(
    arguments: list[str], tmp_path: Path
) -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT), "COMP_LINE": "lmlab arch=", "COMP_POINT": "11"}
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-c", ASK.format(arguments=arguments)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)  # what else runs here does not count
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.stderr.endswith("code=0 heavy=[]"), done.stderr
    assert done.stdout.strip()
    assert min(seconds) <= 1.0
    assert list(tmp_path.iterdir()) == []


def test_the_installed_package_brings_its_options(tmp_path: Path) -> None:
    installed = tmp_path / "lib" / "lmlab"
    shutil.copytree(ROOT / "lmlab", installed, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "conf", installed / "conf")
    shutil.copytree(ROOT / "experiments", installed / "experiments")
    done = subprocess.run(
        [sys.executable, "-m", "lmlab", "--help"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "lib")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 and "gpt_tiny" in done.stdout


def test_own_options_and_experiments_from_another_folder(tmp_path: Path) -> None:
    write(tmp_path / "conf" / "arch" / "mine.yaml", "defaults: [gpt_tiny, _self_]\nwidth: 64")
    write(tmp_path / "more" / "seedless.yaml", "")
    write(
        tmp_path / "more" / "optim" / "warm.yaml", "defaults: [adamw, _self_]\nwarmup_fraction: 0.5"
    )
    write(tmp_path / "experiments" / "mine.yaml", "defaults:\n  - override /arch: mine\nseed: 9")
    words = ["experiment=mine", "optim=warm", "--config-dir", "more", "--cfg", "job"]
    done = subprocess.run(
        [sys.executable, "-m", "lmlab", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = yaml.safe_load(done.stdout)
    assert (shown["arch"]["width"], shown["seed"], shown["optim"]["warmup_fraction"]) == (
        64,
        9,
        0.5,
    )


def test_the_resolved_default_configuration_is_the_golden_one(capsys):
    """After a wanted change: python -m lmlab --cfg job --resolve > tests/golden/config.yaml"""
    assert command.main(["--cfg", "job", "--resolve"]) == 0
    golden = Path(__file__).with_name("golden") / "config.yaml"
    assert capsys.readouterr().out == golden.read_text()
