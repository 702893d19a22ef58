from __future__ import annotations

import ctypes

import pytest

from lmlab.config.error import ConfigError
from lmlab.sweep import gpus
from lmlab.sweep.gpus import check, choose, count_gpus, names_of, wanted


def test_names_are_those_of_the_variable_where_it_is_set():
    assert names_of({}, 3) == ["0", "1", "2"] and names_of({}, 0) == []
    assert names_of({"CUDA_VISIBLE_DEVICES": "2, GPU-8a,7"}, 3) == ["2", "GPU-8a", "7"]
    assert names_of({"CUDA_VISIBLE_DEVICES": "2,99,3"}, 1) == [
        "2"
    ]  # CUDA stops at what is not there
    assert names_of({"CUDA_VISIBLE_DEVICES": ""}, 0) == []


def test_a_job_gets_gpus_that_no_other_has():
    four = ["0", "1", "2", "3"]
    assert choose(four, [], 2, share=False) == ["0", "1"]
    assert choose(four, ["0", "1"], 2, share=False) == ["2", "3"]
    assert choose(four, ["1"], 2, share=False) == ["0", "2"]
    assert choose(four, ["0", "1", "3"], 2, share=False) is None


def test_jobs_that_share_get_the_gpus_that_the_fewest_have():
    assert choose(["0", "1"], ["0"], 1, share=True) == ["1"]
    assert choose(["0", "1"], ["0", "1", "1"], 1, share=True) == ["0"]
    assert choose(["0", "1"], ["0"], 2, share=True) == ["0", "1"]
    assert choose(["0"], [], 2, share=True) is None


def test_a_job_wants_a_gpu_a_process_or_none():
    assert [wanted(name, 4) for name in ("auto", "gpu", "cpu", "tpu")] == [4, 4, 0, 0]


def test_what_cannot_be_is_refused_and_waiting_is_said():
    assert check([], [8], 2, share=False) == "" and check(["0"], [0, 0], 2, share=False) == ""
    assert check(["0", "1"], [1, 0], 2, share=False) == ""
    assert check(["0", "1"], [1], 4, share=True) == ""
    said = check(["0", "1"], [2, 1], 2, share=False)
    assert said.startswith("launcher.jobs=2 of 2 GPUs each want 4 and this machine has 2")
    with pytest.raises(
        ConfigError, match="hardware.devices=4: a job wants 4 GPUs and this machine"
    ):
        check(["0", "1"], [1, 4], 1, share=True)


def test_cuda_says_how_many_there_are(monkeypatch):
    class Driver:
        def cuInit(self, flags: int) -> int:
            return self.code

        def cuDeviceGetCount(self, number: object) -> int:
            number._obj.value = 3
            return 0

    for code, number in ((0, 3), (100, 0)):
        Driver.code = code
        monkeypatch.setattr(gpus.ctypes, "CDLL", lambda name: Driver())
        assert count_gpus() == number
    monkeypatch.setattr(gpus.ctypes, "CDLL", lambda name: ctypes.PyDLL(None))  # another library
    assert count_gpus() == 0
