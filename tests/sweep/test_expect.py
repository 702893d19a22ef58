from __future__ import annotations

import pytest

from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.sweep.expect import check, children, judge
from lmlab.sweep.plan import make_plan
from lmlab.sweep.result import Result
from tests.config.fake import write


def plan(places, expect):
    record = {
        "question": "q",
        "source": "s",
        "expect": expect,
        "cost": "c",
        "sweep": {"seed": [1, 2]},
    }
    write(places.experiments[0] / "many.yaml", f"experiment: {record}")
    return make_plan(Composer(places), ["experiment=many"])


@pytest.mark.parametrize(
    ("expect", "said"),
    [("val/x < 1", "every job"), ("child('seed=3').val/x < 1", "is 0 jobs"), ("child('arch=gpt_tiny').val/x < 1", "is 2 jobs")],
)  # fmt: skip
def test_it_is_checked_before_any_job_runs(places, expect, said):
    with pytest.raises(ConfigError, match=said):
        check(plan(places, expect))


def test_what_names_its_jobs_passes(places):
    check(plan(places, "child('seed=2').val/x < mean(children('arch=gpt_tiny').val/x)"))


def test_verdicts():
    results = [Result("a", "finished", None, metrics={"val/x": value}) for value in (1.0, 3.0)]
    found = children(results, [None, None])
    assert judge("min(val/x) == 1", found, finished=True, blocked_by=None)[0] == "holds"
    assert judge("min(val/x) == 2", found, finished=True, blocked_by=None)[0] == "contradicted"
    assert judge("min(val/x) == 2", found, finished=True, blocked_by="scale")[0] == "not_yet"
    assert judge("min(val/x) == 1", found, finished=False, blocked_by=None)[0] == "unfinished"
    verdict, used, why = judge("min(val/y) == 1", found, finished=True, blocked_by=None)
    assert (verdict, used, why) == ("unfinished", {}, "a job has no val/y")
