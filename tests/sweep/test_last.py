from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.place import find_places
from lmlab.sweep.plan import Plan, make_plan

HEAD = """# @package _global_
experiment:
  question: Is it one?
  source: none
  expect: "child('stage=scaling_law').scaling/num_runs > 0"
  cost: 1 minute
  believed_blocked_by: null
  sweep:
    arch: [gpt_tiny, gpt_1m]
    last: {stage: scaling_law, stage.runs: ["@all"], LAST}
"""


def planned(tmp_path: Path, last: str = "stage.num_draws: 50", *words: str) -> Plan:
    (tmp_path / "experiment").mkdir(exist_ok=True)
    file = tmp_path / "experiment" / "law_at_the_end.yaml"
    file.write_text(HEAD.replace("LAST", last))
    composer = Composer(find_places(str(tmp_path)))
    return make_plan(composer, ["experiment=law_at_the_end", *words])


def test_the_last_job_needs_all_others(tmp_path):
    jobs = planned(tmp_path, "stage.num_draws: 50", "track=none").jobs
    assert [job.name for job in jobs] == ["arch=gpt_tiny", "arch=gpt_1m", "stage=scaling_law"]
    last = jobs[-1]
    assert set(last.needs.values()) == {jobs[0].hash, jobs[1].hash} and last.stage == "last"
    assert "track=none" in last.overrides and "experiment" not in last.composed.cfg


def test_it_is_another_job_when_the_others_change(tmp_path):
    first, same = planned(tmp_path).jobs[-1], planned(tmp_path).jobs[-1]
    other = planned(tmp_path, "stage.num_draws: 50", "seed=1").jobs[-1]
    assert first.hash == same.hash != other.hash


def test_settings_of_the_others_stage_are_not_its_own(tmp_path):
    words = ["stage.num_validations=2", "stage.num_draws=60"]
    with pytest.raises(ConfigError, match="num_draws"):  # of the others, which have no such setting
        planned(tmp_path, "stage.num_draws: 50", *words)
    last = planned(tmp_path, "stage.num_draws: 50", words[0]).jobs[-1]
    assert "stage.runs=[@all]" in last.overrides and words[0] not in last.overrides


def test_its_mistakes_are_told_before_anything_starts(tmp_path):
    with pytest.raises(ConfigError, match="num_draw"):
        planned(tmp_path, "stage.num_draw: 50")
