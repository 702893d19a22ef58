from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmlab.scaling.envelope import fit_envelope
from lmlab.scaling.law import CHINCHILLA
from tests.scaling.synthetic import training_curves


def test_the_envelope_of_exact_curves_has_about_the_exponent_of_the_law():
    fit = fit_envelope(training_curves(15))
    assert fit.a.value == pytest.approx(CHINCHILLA.a, abs=0.03) and CHINCHILLA.a in fit.a
    size = float(CHINCHILLA.optimum(1e20)[0])
    assert abs(np.log(fit.optimum(1e20)[0] / size)) < 0.2


def test_only_computes_with_worse_neighbours_count():
    curves = training_curves(9)
    fit = fit_envelope(curves)
    sizes = sorted({curve.params for curve in curves})
    assert sizes[0] not in fit.params and sizes[-1] not in fit.params
    assert fit.flops.max() <= curves[0].flops.max() * (sizes[-2] / sizes[0]) + 1e25


def test_the_compute_is_that_of_the_curves():
    curves = training_curves(9)
    double = [replace(curve, per=2 * curve.per) for curve in curves]
    once, twice = fit_envelope(curves), fit_envelope(double)
    assert twice.a.value == pytest.approx(once.a.value, abs=1e-6)
    assert twice.optimum(2e20)[0] == pytest.approx(once.optimum(1e20)[0], rel=1e-6)


def test_curves_that_do_not_cross_are_refused():
    with pytest.raises(ValueError, match="approach 1 needs two"):
        fit_envelope(training_curves(2))
