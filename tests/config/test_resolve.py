from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from lmlab.config.resolve import plain, raw, without_environment


@pytest.fixture
def cfg(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CANARY", "canary-value")
    monkeypatch.setenv("NUMBER", "3")
    return OmegaConf.create(
        {
            "a": {"token": "${oc.env:CANARY}", "number": "${oc.decode:${oc.env:NUMBER}}"},
            "copy": "${a.token}",
            "node": "${a}",
            "path": "x/${oc.env:CANARY}/y",
            "width": 4,
            "twice": "${width}",
            "list": ["${a.token}", "${width}", {"deep": "${copy}"}],
            "literal": "\\${not_an_interpolation}",
        }
    )


def test_values_from_the_environment_stay_as_written(cfg) -> None:  # type: ignore[no-untyped-def]
    kept = without_environment(cfg)
    assert "canary-value" not in str(kept)
    assert kept["a"]["token"] == "${oc.env:CANARY}"
    assert kept["node"] == "${a}"
    assert kept["path"] == "x/${oc.env:CANARY}/y"
    assert kept["twice"] == 4 and kept["list"][1] == 4


def test_reading_it_back_gives_the_same_values(cfg) -> None:  # type: ignore[no-untyped-def]
    assert plain(OmegaConf.create(without_environment(cfg))) == plain(cfg)


def test_environment_works_again_afterwards(cfg) -> None:  # type: ignore[no-untyped-def]
    without_environment(cfg)
    assert (
        cfg.copy == "canary-value"
        if not callable(cfg.copy)
        else plain(cfg)["copy"] == "canary-value"
    )
    assert raw(cfg)["copy"] == "${a.token}"
