from __future__ import annotations

import pytest

from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.sweep.grid import axes_of, rows, short, varied, written


def test_lists_become_their_product_or_pairs():
    axes = {"a": ["a=1", "a=2"], "b": ["b=3", "b=4"], "c": ["c=5"]}
    assert [list(row.values()) for row in rows(axes, "product")] == [
        ["a=1", "b=3", "c=5"], ["a=1", "b=4", "c=5"], ["a=2", "b=3", "c=5"], ["a=2", "b=4", "c=5"],
    ]  # fmt: skip
    zipped = rows(axes, "zip")
    assert [list(row.values()) for row in zipped] == [["a=1", "b=3", "c=5"], ["a=2", "b=4", "c=5"]]
    assert varied(zipped) == ["a", "b"]
    assert rows({}, "product") == rows({}, "zip") == [{}]


def test_lists_of_different_lengths_do_not_pair():
    with pytest.raises(ConfigError, match="a has 2, b has 3"):
        rows({"a": ["a=1", "a=2"], "b": ["b=1", "b=2", "b=3"]}, "zip")


def test_overrides_are_read_as_hydra_reads_them(places):
    read = Composer(places).parse
    assert axes_of(read(["seed=1,2", "budget.flops=1e13", "arch.width=range(1,3)"])) == {
        "seed": ["seed=1", "seed=2"],
        "budget.flops": ["budget.flops=1e13"],
        "arch.width": ["arch.width=1", "arch.width=2"],
    }
    assert axes_of(read(["seed=1,2", "seed=3"])) == {"seed": ["seed=3"]}
    assert axes_of(read(["+a.b=1", "~arch"])) == {"a.b": ["+a.b=1"], "arch": ["~arch"]}
    with pytest.raises(ConfigError, match="interval"):
        axes_of(read(["seed=interval(0,1)"]))


@pytest.mark.parametrize(
    ("long", "brief"),
    [("10000000000000.0", "1e13"), ("1e-05", "1e-05"), ("0.003", "0.003"), ("2.0", "2.0"),
     ("12345678.9", "12345678.9"), ("word", "word"), ("0.00001", "1e-5")],
)  # fmt: skip
def test_numbers_stay_short(long, brief):
    assert short(long) == brief


@pytest.mark.parametrize(
    "value", [1, 0.5, 1e-5, True, None, "gpt_1m", "it's", "a b", "", "null", "1e5", "x,y", [1, "a b"], {"k": 1},
              "latest:stage=sft", "@pretrain", "\\n", "a\\", "\\'"],
)  # fmt: skip
def test_a_written_value_is_read_back(places, value):
    (override,) = Composer(places).parse([written("run.name", value)])
    assert override.value() == value
