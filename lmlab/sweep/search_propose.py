"""The next point of a search, by Optuna, as a pure function of what is known of the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lmlab.sweep.search_space import Choice, Point, Range, Space

STARTUP_TRIALS = 8  # drawn at random before the sampler learns from them


@dataclass(frozen=True, slots=True)
class Trial:
    """A point that was tried. value: of the metric, lower is better; None where there is none."""

    point: Point
    state: Literal["finished", "pruned", "running", "failed"]
    value: float | None = None


def require_optuna() -> Any:
    """The module. Raises: ValueError where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise ValueError("sweep.trials (a search) needs: pip install 'lmlab[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def propose(space: Space, trials: Sequence[Trial], *, sampler: str, seed: int) -> Point:
    """The point to try next; the same for the same trials and seed, however often it is asked.

    A study is made anew from `trials` (asked and told), so a search that goes on after a stop
    chooses what it would have chosen. sampler: tpe or random.
    Source: Bergstra et al. 2011 (TPE); Akiba et al. 2019 (Optuna).
    """
    optuna = require_optuna()
    distributions = {key: _distribution(optuna, axis) for key, axis in space.items()}
    study = optuna.create_study(sampler=_sampler(optuna, sampler, seed))
    for trial in trials:
        study.add_trial(_told(optuna, space, trial, distributions))
    chosen = study.ask(distributions).params
    return {
        key: axis.text(chosen[key]) if isinstance(axis, Range) else str(chosen[key])
        for key, axis in space.items()
    }


def _sampler(optuna: Any, name: str, seed: int) -> Any:
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    # A trial that still runs counts as a bad one, so that two at once are not alike.
    return optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=STARTUP_TRIALS, constant_liar=True
    )


def _distribution(optuna: Any, axis: Range | Choice) -> Any:
    kinds = optuna.distributions
    if isinstance(axis, Choice):
        return kinds.CategoricalDistribution(axis.values)
    if axis.whole:
        return kinds.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return kinds.FloatDistribution(axis.low, axis.high, log=axis.log)


def _told(optuna: Any, space: Space, trial: Trial, distributions: Any) -> Any:
    """A trial of another time as Optuna keeps it; a pruned one with the value it had got to."""
    states = optuna.trial.TrialState
    known = trial.value is not None and math.isfinite(trial.value)
    state = {
        "finished": states.COMPLETE if known else states.FAIL,
        "pruned": states.PRUNED,
        "running": states.RUNNING,
        "failed": states.FAIL,
    }[trial.state]
    return optuna.trial.create_trial(
        state=state,
        value=trial.value if state == states.COMPLETE else None,
        params={key: _number(space[key], text) for key, text in trial.point.items()},
        distributions=distributions,
        intermediate_values={1: trial.value} if state == states.PRUNED and known else None,
    )


def _number(axis: Range | Choice, text: str) -> Any:
    if isinstance(axis, Choice):
        return text
    value = min(max(float(text), axis.low), axis.high)
    return int(value) if axis.whole else value
