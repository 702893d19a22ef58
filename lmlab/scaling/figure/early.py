"""A loss curve, the part that was seen, and where it is expected to end."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from lmlab.scaling.early import EarlyForecast
from lmlab.scaling.figure.style import BLUE, RED, count_text, drawing, log_axis, padded, plain_text


def early_figure(tokens: np.ndarray, loss: np.ndarray, forecast: EarlyForecast) -> Figure:
    """The curve, dark where it was used; the fitted law and the interval at its end."""
    with drawing(5.8, 3.8) as (figure, axes):
        seen = tokens <= forecast.seen_tokens
        later = tokens >= forecast.seen_tokens
        axes.plot(tokens[later], loss[later], color="0.72", lw=1.0, label="later")
        axes.plot(tokens[seen], loss[seen], color=BLUE, lw=1.2, label="seen")
        line = np.geomspace(0.05 * forecast.seen_tokens, forecast.tokens, 100)
        axes.plot(line, forecast(line), color=RED, ls="--", label="forecast")
        end = forecast.loss
        axes.errorbar(
            forecast.tokens,
            end.value,
            yerr=[[end.value - end.low], [end.high - end.value]],
            fmt="o",
            color=RED,
            ms=5,
            capsize=3,
            zorder=4,
            label=f"end: {end.text(2)}",
        )
        axes.set(xlabel="training tokens", ylabel="loss (nats a token)")
        first = max(float(tokens[0]), 0.01 * forecast.seen_tokens)
        axes.set_xlim(first, forecast.tokens * 1.25)
        shown = np.append(loss[tokens >= first], [end.low, end.high])
        axes.set_ylim(*padded(shown))
        log_axis(axes.xaxis, count_text)
        log_axis(axes.yaxis, plain_text)
        axes.legend(loc="upper right")
        return figure
