from __future__ import annotations

import sys

import pytest

from lmlab.sweep.cluster import Ray
from tests.config.fake import write
from tests.sweep.conftest import Start, killed_twice, outcome, states
from tests.sweep.driver import sweep

OPTION = "{_target_: lmlab.sweep.cluster.Ray, address: null, jobs: null, cpus: 1, gpus: 0}"


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match="pip install"):
        Ray(address=None, jobs=None, cpus=1, gpus=0)


def test_jobs_go_through_a_local_ray(tree, monkeypatch):
    ray = pytest.importorskip("ray")
    write(tree / "conf" / "launcher" / "ray.yaml", OPTION)
    monkeypatch.setenv("FAKE_FAIL", "2")
    try:
        assert sweep(tree, "launcher=ray", "seed=1,2,3") == 1
        assert states(tree) == ["finished", "failed", "finished"]
    finally:
        ray.shutdown()
    monkeypatch.delenv("FAKE_FAIL")
    assert sweep(tree, "seed=1,2,3") == 0
    assert [len(times) for times in outcome(tree).values()] == [1, 1, 1]


@pytest.mark.slow
def test_a_launcher_killed_twice_finishes_every_job_once(tree, start: Start, monkeypatch):
    assert killed_twice(start, tree, monkeypatch, "ray", OPTION) == [1] * 4
