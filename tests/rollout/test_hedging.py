from __future__ import annotations

import pytest
import yaml

from lmlab.rollout.hedging import Hedging, bare
from tests.conftest import ROOT


def shipped() -> Hedging:
    node = yaml.safe_load((ROOT / "conf/reward/hedging.yaml").read_text())
    node.pop("_target_")
    return Hedging(**node)


@pytest.mark.parametrize(
    ("response", "reward"),
    [
        ("Paris.", 1.0),
        ("I think Paris.", 0.5),
        ("Maybe paris", 0.5),
        ("I don't know", 0.0),
        ("I think I don't know.", 0.0),
        ("I think Rome", -2.0),
        ("Rome", -4.0),
        ("", -4.0),
    ],
)
def test_the_printed_table(response, reward):
    assert shipped()(["Capital?"], [response], ["Paris"]) == [reward]


def test_hedging_pays_half_at_every_probability_and_all_tie_at_eight_tenths():
    reward = shipped()
    for step in range(11):
        hedged, bold = (reward.expected(act, step / 10) for act in ("hedged", "unhedged"))
        assert hedged == pytest.approx(bold / 2)
    assert reward.expected("unhedged", 0.8) == pytest.approx(0)
    assert reward.best_act(0.79) == "abstains" and reward.best_act(0.81) == "unhedged"


def test_ends_do_not_count():
    assert bare(' "New  York!" ') == "New York"


def test_empty_texts_are_refused():
    node = yaml.safe_load((ROOT / "conf/reward/hedging.yaml").read_text())
    node.pop("_target_")
    with pytest.raises(ValueError, match="must not hold empty texts"):
        Hedging(**(node | {"hedges": [" "]}))
