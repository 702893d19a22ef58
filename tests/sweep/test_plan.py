from __future__ import annotations

import pytest

from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.place import find_places
from lmlab.job import hash_of
from lmlab.sweep.plan import make_plan, refer
from tests.config.fake import write

HEAD = "question: q\n  source: s\n  expect: min(val/x) > 1\n  cost: c\n"


def experiment(places, text):
    write(places.experiments[0] / "many.yaml", f"experiment:\n  {HEAD}{text}")


def names(places, *overrides):
    return [job.name for job in make_plan(Composer(places), list(overrides)).jobs]


def test_jobs_are_named_by_what_is_swept(places):
    found = make_plan(Composer(places), ["seed=1,2", "arch.width=8", "run.name=mine"])
    assert [job.name for job in found.jobs] == ["seed=1", "seed=2"] and found.varied == ["seed"]
    assert found.jobs[0].overrides == ["seed=1", "arch.width=8", "run.name=mine"]
    assert found.jobs[0].composed.cfg.run.name is None  # it is the sweep's
    assert (
        "sweep" not in found.jobs[0].composed.cfg and "launcher" not in found.jobs[0].composed.cfg
    )
    assert make_plan(Composer(places), ["seed=2,1", "launcher.jobs=3"]).hash != ""


def test_the_hash_is_of_what_decides_the_outcome(places):
    plan = make_plan(Composer(places), ["seed=1,2"])
    same = make_plan(
        Composer(places), ["seed=2,1", "launcher.jobs=3", "run.name=x", "sweep.retries=1"]
    )
    assert plan.hash == same.hash
    assert plan.hash != make_plan(Composer(places), ["seed=1,2", "arch.width=8"]).hash
    assert plan.jobs[0].hash == hash_of(
        {key: value for key, value in plan.config.items() if key not in ("sweep", "launcher")}
        | {"seed": 1}
    )


def test_hydras_own_grids_in_an_experiment(places):
    text = "hydra: {mode: MULTIRUN, sweeper: {params: {arch.width: '8,16', seed: 'range(0,3)'}}}"
    write(places.experiments[0] / "grid.yaml", text)
    jobs = make_plan(Composer(places), ["experiment=grid", "arch.dropout=0.1"]).jobs
    assert len(jobs) == 6 and {job.composed.cfg.arch.dropout for job in jobs} == {0.1}
    assert jobs[0].label == "arch.width=8 seed=0 experiment=grid arch.dropout=0.1"


def test_an_experiment_carries_its_jobs_and_the_command_line_has_the_last_word(places):
    experiment(places, "  sweep: {arch.width: [8, 16], seed: [1, 2], grid: zip}")
    assert names(places, "experiment=many") == ["arch.width=8 seed=1", "arch.width=16 seed=2"]
    assert names(places, "experiment=many", "seed=5") == ["arch.width=8", "arch.width=16"]
    assert names(places, "experiment=many", "seed=5,6") == [
        "arch.width=8 seed=5",
        "arch.width=16 seed=6",
    ]
    assert len(names(places, "experiment=many", "arch.dropout=0.1,0.2")) == 4
    jobs = make_plan(Composer(places), ["experiment=many", "arch.dropout=0.1"]).jobs
    assert {job.composed.cfg.arch.dropout for job in jobs} == {0.1}
    assert (
        "experiment" not in jobs[0].composed.cfg
        and jobs[0].composed.choices["experiment"] == "many"
    )


def test_a_typed_grid_holds_for_the_lists_of_an_experiment(places):
    experiment(places, "  sweep: {arch.width: [8, 16], seed: [1, 2]}")
    pairs = ["arch.width=8 seed=1", "arch.width=16 seed=2"]
    assert len(names(places, "experiment=many")) == 4
    assert names(places, "experiment=many", "sweep.grid=zip") == pairs
    dropped = names(places, "experiment=many", "sweep.grid=zip", "arch.dropout=0.1,0.2")
    assert dropped == [f"{pairs[0]} arch.dropout=0.1", f"{pairs[1]} arch.dropout=0.2"]
    assert names(places, "experiment=many", "sweep.grid=zip", "seed=3,4")[1][-6:] == "seed=4"
    experiment(places, "  sweep: {arch.width: [8, 16], seed: [1, 2], grid: zip}")
    assert len(names(places, "experiment=many", "sweep.grid=product")) == 4


def test_lists_of_an_experiment_that_make_no_pairs_are_refused(places):
    experiment(places, "  sweep: {arch.width: [8, 16, 32], seed: [1, 2]}")
    with pytest.raises(ConfigError, match="same length: arch.width has 3, seed has 2"):
        names(places, "experiment=many", "sweep.grid=zip")
    experiment(places, "  sweep: {jobs: [{seed: 1}, {seed: 2}], arch.width: [8, 16]}")
    with pytest.raises(ConfigError, match="no two lists to pair here; leave it out"):
        names(places, "experiment=many", "sweep.grid=zip")


def test_a_baseline_is_one_more_job(places):
    experiment(places, "  sweep: {arch.width: [8, 16], baseline: {arch.width: 4}}")
    assert names(places, "experiment=many") == [
        "arch.width=4 baseline",
        "arch.width=8",
        "arch.width=16",
    ]
    more = names(places, "experiment=many", "seed=1,2")
    assert more[:2] == ["arch.width=4 baseline seed=1", "arch.width=4 baseline seed=2"]
    assert len(more) == 6


CHAIN = """  stages:
    - {name: one, overrides: [arch.width=8]}
    - {name: two, overrides: [init_from=@one, arch.width=16]}
"""


def test_a_chain_refers_to_its_earlier_jobs(places):
    experiment(places, CHAIN)
    one, two = make_plan(Composer(places), ["experiment=many", "seed=3"]).jobs
    assert (one.name, two.name, two.needs) == ("one", "two", {"one": one.hash})
    assert refer("init_from=@one", {"one": "runs/x"}) == "init_from=runs/x"
    later = make_plan(Composer(places), ["experiment=many", "seed=4"]).jobs[1]
    assert later.hash != two.hash and later.composed.cfg.seed == 4
    assert names(places, "experiment=many", "seed=3,4")[2:] == ["seed=4 one", "seed=4 two"]
    assert (
        make_plan(Composer(places), ["experiment=many", "arch.width=4"])
        .jobs[1]
        .composed.cfg.arch.width
        == 4
    )


def test_equal_jobs_of_chains_are_one(places):
    experiment(places, CHAIN.replace("[arch.width=8]", "[arch.width=8, seed=0]"))
    assert len(names(places, "experiment=many", "arch.dropout=0.0")) == 2
    experiment(places, CHAIN.replace("arch.width=8", "seed=0") + "  sweep: {seed: [1, 2]}")
    assert names(places, "experiment=many") == ["seed=1 one", "seed=1 two", "seed=2 two"]


def test_an_unknown_reference_is_refused(places):
    experiment(places, CHAIN.replace("@one", "@oen"))
    with pytest.raises(ConfigError, match="did you mean @one"):
        make_plan(Composer(places), ["experiment=many"])


def test_a_wrong_key_in_a_carried_sweep_is_refused(places):
    experiment(places, "  sweep: {arch.widht: [8, 16]}")
    with pytest.raises(ConfigError, match="did you mean arch.width"):
        make_plan(Composer(places), ["experiment=many"])


def test_other_launchers_of_hydra_are_refused(places):
    with pytest.raises(ConfigError):
        make_plan(Composer(places), ["seed=1,2", "hydra/launcher=joblib"])


def test_jobs_of_several_machines_are_refused():
    words = ["seed=1,2", "hardware=ddp", "hardware.nodes=2"]
    with pytest.raises(ConfigError, match="hardware.nodes=2: the jobs of a sweep run on one"):
        make_plan(Composer(find_places()), words)
