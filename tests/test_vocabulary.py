"""A vocabulary by its settings is the one that a run has."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from lmlab.build import build
from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.vocabulary import vocabulary
from tests.stage.posttraining import SMALL


def config(*overrides: str):
    return resolve.plain(Composer(find_places()).compose(list(overrides)).cfg)


def test_the_size_is_that_of_the_tokenizer():
    assert vocabulary(config("tokenizer=bytes")).size == 257
    assert vocabulary(config("tokenizer=bpe", "tokenizer.size=4096")).size == 4096
    assert vocabulary(config("tokenizer=gpt2")).size == 50257


def test_a_file_says_its_size_and_published_weights_bring_theirs(tmp_path):
    words = {"[UNK]": 0, "a": 1, "b": 2}
    Tokenizer(WordLevel(words, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))
    assert vocabulary(config("tokenizer=file", f"tokenizer.path={tmp_path}")).size == 3
    file = f"tokenizer.path={tmp_path}/tokenizer.json"
    assert vocabulary(config("tokenizer=file", file)).size == 3
    assert vocabulary(config("tokenizer=bpe", f"init_from=hf:{tmp_path}")).size == 3
    assert vocabulary(config("tokenizer=file", "tokenizer.path=nowhere")).size == 50257
    assert vocabulary(config("tokenizer=file", "tokenizer.path='~nobody_x/y'")).size == 50257
    (tmp_path / "tokenizer.json").write_text("{}")
    assert vocabulary(config("tokenizer=file", file)).size == 50257


def test_special_tokens_are_those_that_a_class_wishes_for():
    assert vocabulary(config("tokenizer=bytes", "objective=mlm", "arch=bert_tiny")).size == 263
    assert vocabulary(config("tokenizer=bytes", "stage=sft")).size == 263
    t5 = vocabulary(config("tokenizer=bytes", "objective=span_corruption", "arch=t5_tiny"))
    assert t5.size == 363 and len(t5.sentinels) == 100


@pytest.mark.parametrize("stage", ["pretrain", "sft"])
def test_it_is_the_runs_own(stage, tmp_path, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path))
    data = ["data=grammar"] if stage == "pretrain" else []
    settings = config(f"stage={stage}", *data, *SMALL, "budget.steps=1", f"run.root={tmp_path}")
    assert build(settings).tokenizer.vocab == vocabulary(settings)
