from __future__ import annotations

from lmlab.config.matrix import architectures, as_text, fitting
from lmlab.config.place import find_places


def test_pretraining_takes_each_kind_with_its_objectives():
    rows = fitting(find_places())["pretrain"]
    assert "clm" in rows["decoder"] and "clm" not in rows["encoder"]
    assert set(rows["encoder"]) >= {"mlm", "mlm_nsp"}
    assert "span_corruption" in rows["encoder_decoder"] and "span_corruption" in rows["decoder"]
    assert "dpo" not in rows["decoder"]


def test_every_architecture_has_a_kind():
    found = architectures(find_places())
    assert "gpt_tiny" in found["decoder"] and "bert_tiny" in found["encoder"]
    assert "t5_tiny" in found["encoder_decoder"]


def test_the_text_names_every_stage_once():
    text = as_text(find_places(), 100)
    assert text.count("pretrain") == 1 and max(map(len, text.splitlines())) <= 100
