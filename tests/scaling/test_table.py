from __future__ import annotations

from lmlab.scaling.analysis import analyse
from lmlab.scaling.table import approach_rows, metrics_of, optimum_rows
from tests.scaling.synthetic import grid

ANALYSIS = analyse(grid(4, 5, noise=0.002), entropy=1.69, num_draws=50)


def test_a_row_for_every_fit():
    names = [row["fit"] for row in approach_rows(ANALYSIS)]
    assert names == [
        "2 isoFLOP parabolas",
        "3 parametric L(N, D)",
        "Kaplan L(N)",
        "Kaplan L(D)",
        "Kaplan L(C)",
    ]


def test_size_tokens_and_loss_with_interval_for_a_compute():
    row = optimum_rows(ANALYSIS, [1e23])[0]
    size, tokens = float(row["parameters"]), float(row["tokens"])
    assert abs(6 * size * tokens / 1e23 - 1) < 0.02 and " to " in row["loss (nats)"]


def test_metrics_have_finite_numbers_and_plain_names():
    metrics = metrics_of(ANALYSIS)
    low, high = (metrics[f"scaling/size_exponent_approach_3_{end}"] for end in ("low", "high"))
    assert low < metrics["scaling/size_exponent_approach_3"] < high
    assert all(name.startswith("scaling/") for name in metrics) and len(metrics) <= 40
    assert metrics["scaling/num_runs"] == 20
