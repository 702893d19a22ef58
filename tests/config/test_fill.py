from __future__ import annotations

from copy import deepcopy

import pytest

from lmlab.check import check_config_from_checkpoint
from lmlab.config import resolve, run_folder
from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.fill import filled
from lmlab.config.place import find_places
from lmlab.job import read


@pytest.fixture(scope="module")
def composed():
    words = ["stage=sft", "arch.width=64", "data.seq_len=96", "budget.steps=3", "track=none"]
    return Composer(find_places()).compose(words)


@pytest.fixture
def config(composed):
    found = deepcopy(resolve.plain(composed.cfg))
    for name in ("sweep", "launcher"):
        found.pop(name, None)
    return found


def test_what_is_missing_gets_its_default_and_what_is_there_stays(config, composed):
    whole = deepcopy(config)
    del config["data"]["source"]["answer_noise"], config["optim"]["warmup_fraction"]
    with pytest.raises(ConfigError):
        check_config_from_checkpoint(config)
    found, added = filled(config, composed.choices, find_places())
    assert found == whole
    assert sorted(text.partition("=")[0] for text in added) == [
        "data.source.answer_noise",
        "optim.warmup_fraction",
    ]
    check_config_from_checkpoint(found)


def test_a_default_that_names_another_setting_follows_the_runs_own(config, composed):
    del config["data"]["seq_len"]
    config["arch"]["max_seq_len"] = 48
    found, added = filled(config, composed.choices, find_places())
    assert found["data"]["seq_len"] == 48 and added == ["data.seq_len=${arch.max_seq_len}"]


def test_nodes_of_another_class_and_options_that_are_gone_are_left_alone(config, composed):
    del config["optim"]["warmup_fraction"]
    config["optim"]["_target_"] = "lmlab.optim.Other"
    assert filled(config, composed.choices, find_places()) == (config, [])
    gone = {**composed.choices, "optim": "no_such_option"}
    assert filled(config, gone, find_places()) == (config, [])


def test_what_a_user_took_out_of_a_mapping_stays_out():
    words = ["data=mixture", "~data.source.sources.letters", "track=none"]
    composed = Composer(find_places()).compose(words)
    config = deepcopy(resolve.plain(composed.cfg))
    del config["optim"]["warmup_fraction"]
    found, added = filled(config, composed.choices, find_places())
    assert [text.partition("=")[0] for text in added] == ["optim.warmup_fraction"]
    assert [*found["data"]["source"]["sources"]] == ["code"]


def test_a_whole_configuration_that_is_wrong_is_left_as_it_is(config, composed):
    config["data"]["source"]["seed"] = "${oc.env:NOT_THERE}"
    assert filled(config, composed.choices, find_places()) == (config, [])
    del config["optim"]["warmup_fraction"]
    assert filled(config, composed.choices, find_places()) == (config, [])


def test_an_older_runs_record_is_read_and_it_is_said(composed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = run_folder.create(composed.cfg, composed.choices, composed.overrides)
    path = folder / "config.yaml"
    text = path.read_text()
    path.write_text(text.replace("answer_noise: 0.0\n", "# it was not there then\n"))
    assert path.read_text() != text
    assert read(path).config["data"]["source"]["answer_noise"] == 0.0
    said = capsys.readouterr().err
    assert "made by an older lmlab" in said and "data.source.answer_noise=0.0" in said


def test_what_cannot_be_filled_is_refused_as_before(composed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = run_folder.create(composed.cfg, composed.choices, composed.overrides)
    path = folder / "config.yaml"
    path.write_text(path.read_text().replace("answer_noise: 0.0", "anser_noise: 0.0"))
    with pytest.raises(ConfigError, match="anser_noise"):
        read(path)
