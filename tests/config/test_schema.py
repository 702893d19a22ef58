from __future__ import annotations

from typing import Any

from lmlab.config.catalog import read_yaml
from lmlab.config.node import schema
from lmlab.config.place import shipped
from lmlab.config.schema import EFFECTIVE_WITH, POSITIVE, SECTIONS

CONFIG = read_yaml(shipped("conf") / "config.yaml")


def test_config_yaml_has_exactly_the_settings_of_the_schema() -> None:
    plain = {key for key in CONFIG if key not in (*SECTIONS, "defaults", "hydra")}
    assert plain == set(schema("Root").keywords)
    for name, title in SECTIONS.items():
        if name != "experiment":
            assert set(CONFIG[name]) == set(schema(title).keywords)


def test_rules_name_settings_that_exist() -> None:
    for path in (*POSITIVE, *EFFECTIVE_WITH, *(other for other, _ in EFFECTIVE_WITH.values())):
        if not path.startswith("arch."):
            value: Any = CONFIG
            for key in path.split("."):
                value = value[key]
