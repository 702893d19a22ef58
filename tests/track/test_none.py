"""No tracking has the interface of tracking."""

from __future__ import annotations

import inspect
from pathlib import Path

import yaml

from lmlab.track.none import NoTracking
from lmlab.track.run import MLflow

CONF = Path(__file__).resolve().parents[2] / "conf" / "track"
SUPPLIED = {
    *("run_dir", "root", "name", "tags", "params"),
    *("config_text", "run_id", "parent_run_id", "note"),
}


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_both_have_the_same_methods_and_properties() -> None:
    assert public(NoTracking) == public(MLflow)


def test_the_options_name_exactly_what_is_not_supplied() -> None:
    for option, kind in (("mlflow", MLflow), ("none", NoTracking)):
        keys = set(yaml.safe_load((CONF / f"{option}.yaml").read_text()))
        given = set(inspect.signature(kind).parameters) - SUPPLIED
        assert keys == given | {"_target_", "_partial_"}
        for parameter in inspect.signature(kind).parameters.values():
            assert parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty


def test_it_writes_nothing(tmp_path: Path) -> None:
    run = NoTracking(
        run_dir=tmp_path,
        root=tmp_path,
        name="a",
        tags={},
        params={},
        config_text="",
        run_id=None,
        parent_run_id=None,
        note=None,
    )
    run.log_metrics({"a": 1.0}, 1)
    run.log_text("a", "b")
    run.finalize("finished")
    assert run.run_id is None and run.url is None and list(tmp_path.iterdir()) == []
