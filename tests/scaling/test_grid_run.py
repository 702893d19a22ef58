from __future__ import annotations

import numpy as np
import pytest

from lmlab.scaling.grid_run import GridRun, binned, curves_of, points_of, raw_curve, smooth, usable

COLUMNS = {"params": "params/non_embedding", "tokens": "progress/tokens", "loss": "val/loss_nats"}


def run(name: str = "a", *, finished: bool = True, **metrics: float) -> GridRun:
    known = {"params/non_embedding": 100.0, "progress/tokens": 1e3, "val/loss_nats": 2.0}
    return GridRun(name, finished, known | metrics)


def history(num: int, step: int = 1) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    steps = np.arange(1, num + 1) * step
    losses = 2.0 + steps**-0.5
    return {"train/loss_nats": (steps, losses), "progress/tokens": (steps, steps * 64.0)}


def test_points_by_hand():
    found = points_of([run(), run(**{"val/loss_nats": 3.0})], COLUMNS)
    assert found.loss.tolist() == [2.0, 3.0] and found.flops.tolist() == [6e5, 6e5]
    flops = points_of([run(**{"progress/flops": 5.0})], COLUMNS | {"flops": "progress/flops"})
    assert flops.flops.tolist() == [5.0]


def test_runs_that_cannot_count_are_named():
    odd = [run("a"), run("b", finished=False), GridRun("c", True, {})]
    kept, left_out = usable(odd, list(COLUMNS.values()))
    assert [r.name for r in kept] == ["a"]
    assert left_out == [
        "b has not finished and is left out",
        "c has no params/non_embedding and is left out",
    ]
    with pytest.raises(ValueError, match="no run of stage.runs has finished with"):
        points_of([], COLUMNS)


def test_curves_pair_loss_and_tokens_by_step():
    whole = history(20)
    late = {name: (steps[5:], values[5:]) for name, (steps, values) in whole.items()}
    mixed = whole | {"progress/tokens": late["progress/tokens"]}
    curve = raw_curve(GridRun("a", True, {}, mixed))
    assert curve is not None and curve[0].tolist() == [64.0 * step for step in range(6, 21)]
    assert raw_curve(GridRun("a", True, {})) is None
    runs = [run(), GridRun("b", True, {"params/non_embedding": 7.0}, whole)]
    assert [curve.params for curve in curves_of(runs, "params/non_embedding")] == [7.0]


def test_the_compute_of_a_curve_ends_where_its_run_did():
    whole = history(20)
    known = {"params/non_embedding": 7.0, "progress/tokens": 1280.0, "progress/flops": 9e4}
    (curve,) = curves_of([GridRun("b", True, known, whole)], "params/non_embedding")
    assert curve.flops[-1] == pytest.approx(9e4, rel=0.1)
    (plain,) = curves_of(
        [GridRun("b", True, known | {"progress/flops": 0.0}, whole)], "params/non_embedding"
    )
    assert plain.flops[-1] == pytest.approx(6 * 7 * 1280, rel=0.1)


def test_long_curves_are_binned():
    tokens = np.arange(1, 50001) * 64.0
    places, means = binned(tokens, 5.0 * tokens**-0.1)
    assert 200 < len(places) <= 400 and (np.diff(places) > 0).all()
    assert means == pytest.approx(5.0 * places**-0.1, rel=1e-9)
    assert np.allclose(binned(tokens[:1], tokens[:1]), 64.0)


def test_smoothing_keeps_a_power_law_and_takes_noise_away():
    tokens = np.arange(1, 2001) * 64.0
    loss = 5.0 * tokens**-0.1
    inner = slice(100, -100)
    assert smooth(tokens, loss)[inner] == pytest.approx(loss[inner], rel=1e-3)
    noisy = loss * np.exp(np.random.default_rng(0).normal(0, 0.05, len(loss)))
    left = np.log(smooth(tokens, noisy)[inner] / loss[inner]).std()
    assert left < 0.02
