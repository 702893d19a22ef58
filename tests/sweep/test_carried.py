from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from lmlab.config.error import ConfigError
from lmlab.sweep.carried import BASELINE, carries, read


def experiment(**nodes):
    return OmegaConf.create({"question": "?", **nodes})


def test_lists_fixed_and_baseline():
    told = read(experiment(sweep={
        "arch": ["a", "b"], "seed": [1, 2], "grid": "zip", "fixed": {"optim.x": 0.1}, "baseline": {"arch": "c"},
    }))  # fmt: skip
    assert told.rows({}) == [
        {"optim.x": "optim.x=0.1", "arch": "arch=c", BASELINE: "baseline"},
        {"optim.x": "optim.x=0.1", "arch": "arch=a", "seed": "seed=1"},
        {"optim.x": "optim.x=0.1", "arch": "arch=b", "seed": "seed=2"},
    ]
    assert [row.get("arch") for row in told.rows({"arch": ["arch=z"]})][1:] == ["arch=z"] * 2


def test_explicit_jobs_and_stages():
    told = read(experiment(
        sweep={"jobs": [{"arch": "a", "seed": 1}, {"arch": "b"}], "data": ["x", "y"]},
        stages=[{"name": "first"}, {"name": "second", "overrides": ["init_from=@first"]}],
    ))  # fmt: skip
    assert len(told.rows({})) == 4 and told.rows({})[0]["seed"] == "seed=1"
    assert [stage.name for stage in told.stages] == ["first", "second"]


def test_an_experiment_of_one_run_carries_nothing():
    assert not carries(experiment()) and not carries(None)
    assert read(experiment()).rows({}) == [{}]


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({"sweep": {"arch": "a,b"}}, "experiment.sweep.arch=a,b: must be a list"),
        ({"sweep": {"gird": "zip"}}, "did you mean experiment.sweep.grid"),
        ({"sweep": {"grid": "pairs", "a": [1]}}, "must be product or zip"),
        ({"sweep": {"jobs": ["a"]}}, "experiment.sweep.jobs: must be a mapping"),
        ({"stages": [{"overrides": []}]}, "each needs a name"),
        ({"stages": [{"name": "x", "overides": []}]}, "did you mean overrides"),
        ({"stages": [{"name": "x", "overrides": [1]}]}, "must be texts"),
    ],
)
def test_what_is_wrong_is_named(nodes, said):
    with pytest.raises(ConfigError, match=said):
        read(experiment(**nodes))
