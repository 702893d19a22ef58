from __future__ import annotations

import re

from lmlab.config.catalog import read_yaml
from lmlab.config.help import USEFUL, help_text
from lmlab.config.place import find_places, groups, options, shipped


def test_every_group_and_option_is_listed() -> None:
    places = find_places()
    text = help_text(places)
    for group in groups(places):
        assert re.search(rf"^  {group} ", text, re.MULTILINE)
        for option in options(places, group):
            assert re.search(rf"[ ,]{re.escape(option)}(,|\n|$)", text)
    assert 'eval "$(lmlab completion)"' in text


def test_ten_overrides_of_settings_that_exist() -> None:
    keys = re.findall(r"^  ([a-z_.]+)=", USEFUL, re.MULTILINE)
    assert len(keys) == 10
    config = read_yaml(shipped("conf") / "config.yaml")
    for key in keys:
        head, _, rest = key.partition(".")
        assert head in config or (shipped("conf") / head).is_dir()
        if rest and head in config:
            assert rest in config[head]
