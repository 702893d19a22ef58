from __future__ import annotations

import sys

import pytest

from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.sweep.plan import make_plan
from lmlab.sweep.search_plan import SearchPlan
from lmlab.sweep.search_space import Choice, Range
from tests.config.fake import write

RATES = "optim.learning_rate=tag(log,interval(1e-4,1e-1))"


def plan(places, *overrides: str) -> SearchPlan:
    pytest.importorskip("optuna", reason="the extra `search` is not installed")
    made = make_plan(Composer(places), list(overrides))
    assert isinstance(made, SearchPlan)
    return made


def test_ranges_lists_and_single_values(places):
    made = plan(places, RATES, "arch.width=8,16", "seed=3", "sweep.trials=5")
    assert made.space == {
        "arch.width": Choice(("8", "16")),
        "optim.learning_rate": Range(1e-4, 0.1, log=True),
    }
    job = made.job({"optim.learning_rate": "0.001", "arch.width": "16"})
    assert job.composed.cfg.optim.learning_rate == 0.001 and job.composed.cfg.seed == 3
    assert job.name == "learning_rate=0.001 width=16"
    assert len(made.at_corners().jobs) == 3 and made.jobs == []


def test_more_trials_are_the_same_search_and_other_rules_are_not(places):
    first = plan(places, RATES, "sweep.trials=5").hash
    assert first == plan(places, RATES, "sweep.trials=9").hash
    assert first != plan(places, RATES, "sweep.trials=5", "sweep.prune=median").hash
    assert first != plan(places, RATES, "seed=1", "sweep.trials=5").hash
    assert first != plan(places, RATES.replace("1e-4", "1e-3"), "sweep.trials=5").hash


def test_an_experiment_carries_its_search_and_words_replace_its_keys(places):
    write(
        places.experiments[0] / "rates.yaml",
        """
        # @package _global_
        experiment:
          question: which?
          source: none
          expect: "min(val/loss_nats) < 9"
          cost: 1 minute
          sweep:
            optim.learning_rate: {low: 1e-4, high: 1e-1, log: true}
            arch.width: [8, 16]
            fixed: {seed: 4}
        sweep: {trials: 6}
        """,
    )
    made = plan(places, "experiment=rates")
    assert made.space["optim.learning_rate"] == Range(1e-4, 0.1, log=True)
    assert made.fixed == {"experiment": "experiment=rates", "seed": "seed=4"}
    made = plan(places, "experiment=rates", "arch.width=32")
    assert list(made.space) == ["optim.learning_rate"] and "arch.width" in made.fixed


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([RATES], r"optim.learning_rate: a range has no list of jobs; sweep.trials=20"),
        (["seed=1,2", "sweep.prune=median"], "sweep.prune=median: has no effect without a search"),
        (["seed=1", "sweep.trials=3"], "nothing to search"),
        ([RATES, "sweep.trials=0"], "sweep.trials=0: must be a number above 0"),
        ([RATES, "sweep.trials=3", "sweep.grid=zip"], "has no grid"),
        ([RATES, "sweep.trials=3", "sweep.prune=halve"], "sweep.prune"),
        (["arch.width=8,wide", "sweep.trials=3"], "arch.width=wide"),
        ([RATES, "sweep.trials=3", "sweep.prune=median", "track=none"], "keeps no validations"),
    ],
)
def test_mistakes_start_nothing(places, overrides, words):
    pytest.importorskip("optuna", reason="the extra `search` is not installed")
    none = "_target_: fakelab.Mlflow\n_partial_: true\nproject: p\ntoken: null"
    write(places.conf[0] / "track" / "none.yaml", none)
    with pytest.raises(ConfigError, match=words):
        make_plan(Composer(places), overrides)


def test_without_optuna_it_is_said_in_a_sentence(places, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ValueError, match=r"pip install 'lmlab\[search\]'"):
        make_plan(Composer(places), [RATES, "sweep.trials=3"])
