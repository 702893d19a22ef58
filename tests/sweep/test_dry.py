from __future__ import annotations

from pathlib import Path

from lmlab.sweep.dry import count, minutes, table, with_threads

ONE = {"params": 1.5e6, "params_inside": 1e6, "tokens": 2e7, "flops": 1.2e14, "minutes": 5.0,
       "memory_bytes": 2.5e8, "peak": 1e12, "how": "known", "utilisation": 0.4}  # fmt: skip


class Job:
    name, label = "arch=a", "arch=a"


def test_the_table_has_a_line_a_job_the_total_and_what_it_rests_on():
    unknown = ONE | {"tokens": None, "flops": None}
    lines = table([Job, Job], [ONE, unknown], 1).splitlines()  # type: ignore[list-item]
    assert lines[1].split() == ["1", "1.5M", "1M", "20M", "120T", "5", "0.25", "arch=a"]
    assert lines[2].split()[3:5] == ["?", "?"]
    assert lines[3].split()[:4] == ["all", "20M+?", "120T+?", "10"]
    assert "at 40% (" in lines[4] and "of a peak of 1e+12 FLOP/s (known)" in lines[4]


def test_jobs_at_once_share_the_minutes():
    both = table([Job, Job], [ONE, ONE], 2)  # type: ignore[list-item]
    assert both.splitlines()[3].split()[3] == "5" and "all: the minutes of 2 jobs at once" in both
    single = table([Job], [ONE], 2)  # type: ignore[list-item]
    assert single.splitlines()[2].split()[3] == "5"


def test_what_is_at_most_says_so():
    lines = table([Job], [ONE | {"at_most": True, "memory_bytes": None}], 1).splitlines()  # type: ignore[list-item]
    assert lines[1].split()[3:7] == ["<=20M", "<=120T", "<=5", "?"]
    assert lines[2].split()[1:4] == ["<=20M", "<=120T", "<=5"]
    assert any(line.startswith("<=: with full rows") for line in lines)


def test_a_job_has_the_threads_of_its_launcher():
    config = {"hardware": {"devices": 1, "nodes": 1, "threads": None}}
    local = {"_target_": "lmlab.sweep.local.Local", "jobs": 1000}
    assert with_threads(config, local)["hardware"]["threads"] == 1
    own = {"hardware": config["hardware"] | {"threads": 3}}
    assert with_threads(own, local) == own
    assert with_threads(config, {"_target_": "lmlab.sweep.queue.Ray"}) == config


def test_a_job_that_cannot_be_built_does_not_hide_the_others():
    text = table([Job, Job], [{"error": "no such width"}, ONE], 1)  # type: ignore[list-item]
    assert "cannot be built: no such width" in text and "120T" in text


def test_numbers_for_people():
    assert [count(n) for n in (12, 1.5e9, 3e13, 2e18)] == ["12", "1.5B", "30T", "2e+18"]
    assert [minutes(n) for n in (0.123, 12.3, 1234)] == ["0.12", "12", "1,234"]


def test_nothing_is_written(capsys, tmp_path, monkeypatch):
    from lmlab.__main__ import main

    monkeypatch.chdir(tmp_path)
    assert (
        main(["-m", "arch=gpt_1m,gpt_3m", "budget.flops=1e13", "sweep.dry=true", "hardware=cpu"])
        == 0
    )
    assert "2 jobs, nothing was started" in capsys.readouterr().out
    assert not Path("runs").exists()


def test_a_device_that_is_not_here_is_named():
    gone = {key: value for key, value in ONE.items() if key not in ("peak", "how", "utilisation")}
    text = table([Job], [gone | {"minutes": None, "missing": "gpu"}], 1)  # type: ignore[list-item]
    assert "minutes: no gpu here; hardware.peak_flops=989e12 tells its peak" in text
