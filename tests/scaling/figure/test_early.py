from __future__ import annotations

import numpy as np

from lmlab.scaling.early import forecast_end
from lmlab.scaling.figure.early import early_figure


def test_seen_later_and_forecast_are_drawn(tmp_path):
    tokens = np.arange(1, 501) * 1e5
    loss = 2 + 100 * tokens**-0.3
    figure = early_figure(tokens, loss, forecast_end(tokens, loss))
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names[:3] == ["later", "seen", "forecast"] and names[3].startswith("end: ")
    figure.savefig(tmp_path / "x.png", dpi=50)
