from __future__ import annotations

import numpy as np

from lmlab.scaling.ability import fit_ability, logistic
from lmlab.scaling.figure.ability import ability_figure


def test_abilities_are_listed_in_the_order_they_appear(tmp_path):
    scale = np.geomspace(1e6, 1e10, 9)
    curves = [
        fit_ability(name, scale, logistic(np.log(scale), np.log(middle), 2.0, 0.0), num_draws=5)
        for name, middle in (("late", 1e9), ("early", 1e7), ("never", 1e14))
    ]
    figure = ability_figure(curves)
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [name.split(":")[0] for name in names] == ["early", "late", "never"]
    assert names[2] == "never: not reached"
    figure.savefig(tmp_path / "x.png", dpi=50)
