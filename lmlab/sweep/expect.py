"""The expectation of an experiment that carries a sweep: checked before, judged after."""

from __future__ import annotations

from collections.abc import Sequence

from lmlab.config import resolve
from lmlab.config.error import ConfigError
from lmlab.sweep.language import Child, Expectation, parse
from lmlab.sweep.plan import Plan
from lmlab.sweep.result import Result
from lmlab.verdict import CONTRADICTED, HOLDS, NOT_YET, UNFINISHED


def check(plan: Plan) -> None:
    """Raises: ConfigError for what cannot be read, and for a selection that no job is."""
    assert plan.experiment is not None
    try:
        expectation = parse(plan.experiment["expect"])
    except ValueError as error:
        raise ConfigError([str(error)]) from error
    planned = [
        Child(job.name, {}, job.composed.choices, resolve.plain(job.composed.cfg), job.stage)
        for job in plan.jobs
    ]
    for name, selection in expectation.selections():
        number = sum(child.fits(selection) for child in planned)
        if number == 0 or (name == "child" and number > 1):
            have = "; ".join(child.name for child in planned[:4])
            raise ConfigError(
                [f'experiment.expect: {name}("{selection}") is {number} jobs of this sweep: {have}']
            )


def children(results: Sequence[Result], stages: Sequence[str | None]) -> list[Child]:
    """Jobs as expectations see them."""
    return [
        Child(result.name, result.metrics, result.choices, result.config, stage)
        for result, stage in zip(results, stages, strict=True)
    ]


def judge(
    expect: str, found: Sequence[Child], *, finished: bool, blocked_by: str | None
) -> tuple[str, dict[str, float], str]:
    """The verdict, the figures it rests on, and why it is unfinished ("" where it is not)."""
    expectation: Expectation = parse(expect)
    rests_on = expectation.sides(found)
    if not finished:
        return UNFINISHED, rests_on, "not every job has finished"
    try:
        holds = expectation.value(found)
    except KeyError as error:
        return UNFINISHED, rests_on, f"a job has no {error.args[0]}"
    except (ValueError, TypeError, ZeroDivisionError) as error:
        return UNFINISHED, rests_on, str(error)
    return HOLDS if holds else NOT_YET if blocked_by else CONTRADICTED, rests_on, ""
