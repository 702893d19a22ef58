from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.sweep.ranking import Published, check, correlation, draw, lines, rank, table
from lmlab.sweep.result import Result

ASKED = {"stage": "probe", "metric": "val/loss_nats", "better": "lower"}


def job(name: str, loss: float | None) -> Result:
    return Result(name, "finished", None, metrics={} if loss is None else {"val/loss_nats": loss})


def ranks(asked: dict[str, str]) -> list[tuple[str, float, float]]:
    jobs = [job("a", 2.0), job("a pretrain", 9.0), job("b", 1.0), job("c", 3.0), job("d", None)]
    stages = ["probe", "pretrain", "probe", "probe", "probe"]
    published = [Published(70.0, "LM"), Published(70.0), Published(80.0), None, Published(60.0)]
    return [(r.row, r.rank, r.published_rank) for r in rank(asked, jobs, stages, published)]


def test_jobs_of_the_stage_that_have_both_figures_are_ranked_in_the_sources_order():
    assert ranks(ASKED) == [("b", 1, 1), ("LM", 2, 2)]
    assert ranks({**ASKED, "better": "higher"}) == [("b", 2, 1), ("LM", 1, 2)]


def test_every_stage_counts_where_none_is_named():
    found = ranks({"metric": "val/loss_nats", "better": "lower"})
    assert found == [("b", 1, 1), ("LM", 2, 2.5), ("a pretrain", 3, 2.5)]


def rows(losses: list[float], scores: list[float]) -> list:
    jobs = [job(f"j{i}", loss) for i, loss in enumerate(losses)]
    asked = {"metric": "val/loss_nats", "better": "lower"}
    return rank(asked, jobs, [None] * len(jobs), [Published(score) for score in scores])


def test_the_same_order_correlates_with_one_and_the_opposite_with_minus_one():
    assert correlation(rows([1.0, 2.0, 3.0], [90, 80, 70])) == pytest.approx(1.0)
    assert correlation(rows([3.0, 2.0, 1.0], [90, 80, 70])) == pytest.approx(-1.0)
    assert correlation(rows([1.0], [90])) is None
    assert correlation(rows([1.0, 1.0], [90, 80])) is None


def test_the_table_the_lines_and_the_figure_have_every_row(tmp_path: Path):
    found = rows([1.5, 2.0, 3.0], [90, 70, 80])
    assert table(found, "val/loss_nats")[1] == {
        "row": "j2", "val/loss_nats": 3.0, "rank": 3, "published": 80, "published rank": 2,
    }  # fmt: skip
    said = lines(found, "val/loss_nats")
    assert len(said) == 5 and said[1].split() == ["j0", "1.5", "1", "90", "1"]
    assert said[-1] == "rank correlation with the published figures: 0.50 over 3 rows"
    draw(found, "val/loss_nats", tmp_path / "ranking.png")
    assert (tmp_path / "ranking.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("asked", "said"),
    [({**ASKED, "mertic": "x"}, "did you mean metric"), ({"better": "lower"}, "needs a metric"),
     ({**ASKED, "better": "less"}, "better=less: must be lower or higher"),
     ({"metric": "val/loss_nats"}, "better: must be")],
)  # fmt: skip
def test_a_wrong_key_or_value_is_named(asked, said):
    with pytest.raises(ValueError, match=said):
        check(asked)
