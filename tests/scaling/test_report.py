from __future__ import annotations

from lmlab.scaling.report import report
from tests.scaling.synthetic import grid, training_curves


def test_the_whole_report(tmp_path):
    found = report(
        grid(4, 5, noise=0.002),
        curves=training_curves(),
        budgets=[1e23],
        inference_tokens=1e13,
        entropy_nats=1.69,
        num_draws=50,
    )
    text = found.text()
    assert text.startswith("**Chinchilla.** N_opt grows as C^a") and "| 1e+23 |" in text
    assert abs(found.estimates["alpha"].value - 0.34) < 0.02
    files = found.save(tmp_path / "scaling")
    assert {path.name for path in files} >= {"report.md", "approaches.csv", "optima.csv"}
    assert (tmp_path / "scaling" / "contour.png").stat().st_size > 20_000
    assert all(path.stat().st_size for path in files) and len(files) == 11


def test_figures_are_optional_and_the_numbers_repeat():
    points = grid(4, 5, noise=0.002)
    first, second = (report(points, num_draws=50, figures=False) for _ in range(2))
    assert first.figures == {} and first.metrics == second.metrics and first.optima == []
