"""Sixty targets that must not be built: all are refused, and nothing of them is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lmlab.check import check_composed, check_config_from_checkpoint
from lmlab.config import resolve
from lmlab.config.allow import refusal, refused, refused_in_hydra
from lmlab.config.catalog import targets
from lmlab.config.error import ConfigError
from lmlab.config.place import GROUPS, Places, find_places
from tests.config.fake import compose, write

PLAIN = [
    "os.system",
    "subprocess.Popen",
    "builtins.eval",
    "builtins.exec",
    "builtins.open",
    "torch.load",
    "torch.hub.load",
    "joblib.load",
    "pandas.read_pickle",
    "pickle.loads",
    "distutils.spawn.spawn",
    "numpy.load",
    "pathlib.Path.unlink",
    "shutil.rmtree",
    "webbrowser.open",
    "mlflow.pyfunc.load_model",
    "transformers.AutoModel.from_pretrained",
    "hydra.utils.instantiate",
    "evilpkg.run",
    "evilpkg.Evil",
]
ALIAS = [
    "lmlab.stage.pretrain.torch.load",
    "lmlab.stage.os.system",
    "lmlab.check.os.system",
    "lmlab.launch.subprocess.Popen",
    "lmlab.__main__.main",
    "lmlab.launch.launch",
    "lmlab.config.run_folder.create",
    "lmlab.stage.pretrain.Pretrain.load_from_checkpoint",
    "lmlab.stage",
    "lmlab.stage.pretrain.__builtins__.eval",
    "lmlab.stage.__loader__.load_module",
    "lmlab..stage.Pretrain",
    "fakelab.os.system",
    "fakelab.Popen",
    "fakelab.Pretrain.__init__.__globals__",
    "evilpkg.fakelab.Pretrain",
]
ODD: list[Any] = [["os.system"], {"_target_": "evilpkg.run"}, 5, True, None, "", " os.system"]
Case = tuple[str, dict[str, Any]]


def at(path: str, value: Any) -> dict[str, Any]:
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


NESTED: list[Case] = [
    ("inner node", at("stage.sampler._target_", "evilpkg.run")),
    ("deep inner node", at("data.source.path.a.b._target_", "evilpkg.run")),
    ("in a list", at("stage.prompts", [{"_target_": "evilpkg.run"}])),
    ("in a list of lists", at("stage.prompts", [["x", [{"_target_": "evilpkg.run"}]]])),
    ("_args_", at("stage._args_", [{"_target_": "evilpkg.run"}])),
    ("_args_ of plain values", at("data.source._args_", ["rm -rf"])),
    ("_partial_ that is a node", at("stage._partial_", {"_target_": "evilpkg.run"})),
    ("_recursive_", at("stage._recursive_", False)),
    ("_convert_", at("data.source._convert_", "object")),
    ("at the top", {"_target_": "evilpkg.run"}),
    ("in a section", at("run._target_", "evilpkg.run")),
    ("in the recipe", at("arch.recipe._target_", "evilpkg.run")),
    ("a new node", at("extra._target_", "evilpkg.run")),
    ("interpolated", {**at("stage._target_", "${run.name}"), "run": {"name": "evilpkg.run"}}),
    ("from the environment", at("stage._target_", "${oc.env:EVIL_TARGET}")),
    ("made by a resolver", at("stage.prompts", "${oc.create:${oc.env:EVIL_NODE}}")),
]
HYDRA: list[Case] = [
    ("callbacks", at("callbacks.evil._target_", "evilpkg.run")),
    ("launcher", at("launcher._target_", "evilpkg.run")),
    ("sweeper", at("sweeper._target_", "evilpkg.run")),
    (
        "alias of the sweeper",
        at("sweeper._target_", "hydra._internal.core_plugins.basic_sweeper.os.system"),
    ),
    ("launcher's inner node", at("launcher.x._target_", "evilpkg.run")),
    ("logging handler", at("job_logging.handlers.h.class", "evilpkg.Evil")),
    ("logging factory", at("hydra_logging.formatters.f", {"()": "evilpkg.Evil"})),
    ("anywhere else", at("job.config._target_", "evilpkg.run")),
]
CASES: list[Case] = [(str(t), at("stage._target_", t)) for t in (*PLAIN, *ALIAS, *ODD)] + NESTED


@pytest.fixture
def evil(places: Places, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """A package whose import leaves a file; afterwards there must be none."""
    write(
        Path("evilpkg") / "__init__.py",
        "open('marker', 'w')\nimport fakelab\ndef run(*a, **k): ...\nclass Evil: ...",
    )
    source = Path("fakelab/__init__.py")
    source.write_text("import os\nfrom subprocess import Popen\n" + source.read_text())
    monkeypatch.setenv("EVIL_TARGET", "evilpkg.run")
    monkeypatch.setenv("EVIL_NODE", "{_target_: evilpkg.run}")
    before = set(sys.modules)
    yield places
    assert not Path("marker").exists()
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    assert not new & {"evilpkg", "fakelab", "joblib", "webbrowser", "transformers"}


def test_there_are_sixty() -> None:
    assert len(CASES) + len(HYDRA) >= 60


@pytest.mark.parametrize(("name", "change"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_refused_in_a_composed_configuration(
    evil: Places, name: str, change: dict[str, Any]
) -> None:
    composed = compose(evil)
    merged = OmegaConf.merge(composed.cfg, OmegaConf.create(change))
    object.__setattr__(composed, "cfg", merged)
    with pytest.raises(ConfigError) as caught:
        check_composed(composed, evil)
    assert len(caught.value.shown()) <= 8


@pytest.mark.parametrize(("name", "change"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_refused_inside_a_checkpoint(evil: Places, name: str, change: dict[str, Any]) -> None:
    config = OmegaConf.merge(compose(evil).cfg, OmegaConf.create(change))
    with pytest.raises(ConfigError):
        check_config_from_checkpoint(resolve.raw(config))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "change"), HYDRA, ids=lambda v: v if isinstance(v, str) else "")
def test_refused_in_hydras_node(evil: Places, name: str, change: dict[str, Any]) -> None:
    composed = compose(evil)
    hydra = OmegaConf.merge(OmegaConf.create(resolve.raw(composed.hydra)), OmegaConf.create(change))
    object.__setattr__(composed, "hydra", hydra)
    with pytest.raises(ConfigError):
        check_composed(composed, evil)


@pytest.mark.parametrize("where", ["command line", "option file", "experiment", "hydra option"])
def test_refused_wherever_it_comes_from(evil: Places, where: str) -> None:
    conf, experiments = evil.conf[0], evil.experiments[0]
    write(conf / "stage" / "bad.yaml", "# @package _global_\nstage: {_target_: evilpkg.run}")
    write(experiments / "bad.yaml", "hydra: {callbacks: {x: {_target_: evilpkg.run}}}")
    write(conf / "hydra" / "launcher" / "bad.yaml", "_target_: evilpkg.run")
    override = {
        "command line": "stage._target_=evilpkg.run",
        "option file": "stage=bad",
        "experiment": "experiment=bad",
        "hydra option": "hydra/launcher=bad",
    }[where]
    with pytest.raises(ConfigError) as caught:
        check_composed(compose(evil, override), evil)
    text = "\n".join(caught.value.shown())
    assert "evilpkg.run" in text
    if where == "option file":
        assert "conf/stage/bad.yaml" in text and "fakelab.Pretrain" in text


def test_hydras_own_targets_are_allowed(places: Places) -> None:
    hydra = resolve.raw(compose(places).hydra)
    assert refused_in_hydra(hydra) == []
    assert hydra["sweeper"]["_target_"].endswith("BasicSweeper")


def test_a_package_must_be_allowed_by_the_environment(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = resolve.raw(compose(places).cfg)
    assert refused(tree) == []
    monkeypatch.delenv("LMLAB_ALLOW")
    assert {path.partition(".")[0] for path, _, _ in refused(tree)} == set(GROUPS) - {
        "launcher",
        "reward",
    }


SHIPPED = [(g, o, t) for g in GROUPS for o, t in targets(find_places(), g).items()]


@pytest.mark.parametrize(("group", "option", "target"), SHIPPED)
def test_every_shipped_target_is_allowed(group: str, option: str, target: str) -> None:
    assert os.environ.get("LMLAB_ALLOW") is None
    assert refusal(group, target) is None
