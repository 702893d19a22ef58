from __future__ import annotations

from lmlab.config.matrix import KINDS, architectures, as_text, fitting
from lmlab.config.place import find_places
from tests.conftest import ROOT


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


def as_table() -> list[str]:
    """The matrix in Markdown, a row a stage and objectives, a column a kind."""
    lines = ["| stage | decoder | encoder | encoder-decoder |", "|---|---|---|---|"]
    for stage, rows in fitting(find_places()).items():
        cells = [", ".join(f"`{name}`" for name in rows.get(kind, [])) or "-" for kind in KINDS]
        lines.append(f"| `{stage}` | " + " | ".join(cells) + " |")
    return lines


def test_the_matrix_in_the_documents_is_the_one_of_the_classes():
    table = as_table()
    text = (ROOT / "docs" / "objectives.md").read_text(encoding="utf-8")
    assert "\n".join(table) in text, "\n" + "\n".join(table)


def test_blanks_are_filled_with_what_was_trained_to_fill_them():
    rows = fitting(find_places())["fill_mask"]
    assert rows["decoder"] == ["fill_in_the_middle"]
    assert rows["encoder"] == ["mlm", "mlm_nsp", "span_mlm"]
    assert set(rows["encoder_decoder"]) == {
        "random_spans",
        "replace_spans",
        "span_corruption",
        "ul2",
    }
