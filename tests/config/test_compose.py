from __future__ import annotations

import pytest

from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.place import Places
from tests.config.fake import compose


def test_composition_is_plain(places: Places) -> None:
    composed = compose(places, "arch=bert", "arch.width=64", "hydra.mode=RUN")
    assert composed.cfg.arch.width == 64
    assert "hydra" not in composed.cfg
    assert composed.overrides == ["arch=bert", "arch.width=64"]
    assert composed.choices["arch"] == "bert" and composed.choices["experiment"] is None


@pytest.mark.parametrize(
    "override",
    [
        "hydra.run.dir=/tmp/x",
        "hydra.job.chdir=true",
        "hydra.job.env_set.A=b",
        "hydra.searchpath=[pkg://fakelab]",
        "hydra.verbose=true",
    ],
)
def test_hydra_settings_without_effect_are_refused(places: Places, override: str) -> None:
    with pytest.raises(ConfigError, match="no effect"):
        Composer(places).compose([override])


def test_relative_paths_are_left_alone(places: Places) -> None:
    assert compose(places, "data.source.path=./here").cfg.data.source.path == "./here"


@pytest.mark.parametrize("key", ["init_from", "+init_from", "++init_from"])
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_the_newest_run_of_a_kind_needs_no_quotes(places, key, quote):
    value = "latest:stage=sft,arch=gpt_tiny"
    cfg = compose(places, f"{key}={quote}{value}{quote}").cfg
    assert cfg.init_from == value
