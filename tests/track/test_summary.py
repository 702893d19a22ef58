"""The table of a sweep."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lmlab.track.summary import best, table


def run(
    name: str, status: str = "FINISHED", tags: dict[str, str] | None = None, **values: Any
) -> Any:
    metrics = {key.replace("__", "/"): value for key, value in values.items()}
    return SimpleNamespace(
        info=SimpleNamespace(run_name=name, status=status),
        data=SimpleNamespace(metrics=metrics, tags=tags or {}),
    )


def test_a_line_a_child() -> None:
    runs = [run("a|b", val__loss_nats=2.0, progress__tokens=12345), run("c", "FAILED")]
    assert table(runs, "hello").splitlines() == [
        "hello",
        "",
        "| run | status | val/bits_per_byte | val/loss_nats | progress/tokens |",
        "| --- | --- | --- | --- | --- |",
        "| a\\|b | finished |  | 2 | 12,345 |",
        "| c | failed |  |  |  |",
    ]
    assert best(runs) == {"best": "a|b (2)"}


def test_verdicts_have_a_column_where_there_are_any() -> None:
    assert "| a | finished | holds |" in table([run("a", tags={"verdict": "holds"})], "")


def test_a_sweep_without_measurements_has_no_best() -> None:
    assert best([]) == {} and best([run("a")]) == {}


def test_a_long_sweep_is_cut() -> None:
    assert table([run(str(n)) for n in range(100)], "").endswith("and 40 more")
